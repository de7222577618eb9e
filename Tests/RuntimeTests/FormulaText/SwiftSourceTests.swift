import CLossKit
import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Formulas printed as plugin source, compiled, opened and compared with the original.
@Suite struct SwiftSourceTests {
  private static let entry = "\n/// The entry point that a host calls."

  @Test func whatIsPrintedCompilesToTheSameValues() throws {
    let registry = try BuiltPlugins.registry()
    var originals: [LoadedComponent] = []
    for name in ["dpo", "cal-dpo", "kto", "aot", "dr-dpo", "bco", "beta-dpo", "simpo", "exo-pair", "tdpo2"] {
      originals.append(try registry.component(named: name, kind: .loss))
    }
    for name in ["alpha-divergence", "length-desensitized", "momentum-reference"] {
      originals.append(try registry.component(named: name, kind: .reward))
    }
    for (_, text) in WrittenMethods.losses.prefix(3) { originals.append(try FormulaText(parsing: text).component()) }
    originals.append(
      try FormulaText(parsing: "{logsumexp(responses[0].reward, responses[1].reward, k*responses[2].score)}(k=-1.5e-9)")
        .component())
    let names = originals.indices.map { "written-\($0)" }
    let types = originals.indices.map { "Written\($0)" }
    let sources = try originals.indices.map { index in
      try originals[index].swiftSource(name: names[index], typeName: types[index], summary: "Says \"it\" \\ again.\n")
    }
    let parts = sources.map { $0.components(separatedBy: Self.entry)[0] }
    let export = sources[0].components(separatedBy: Self.entry)[1]
      .replacingOccurrences(of: "\(types[0]).self", with: types.map { "\($0).self" }.joined(separator: ", "))
    let workshop = try PluginWorkshop()
    let library = try workshop.buildSwift(parts.joined(separator: "\n") + Self.entry + export, as: "libwritten.so")
    let written = PluginRegistry()
    try written.open(path: library)
    for (index, original) in originals.enumerated() {
      let copy = try written.component(named: names[index], kind: original.kind)
      #expect(copy.summary == "Says \"it\" \\ again.")
      #expect(try copy.worstDifference(from: original, seeds: 1..<4) < 1e-12, "\(original.name)")
      #expect(copy.initialState == original.initialState && copy.defaultReward == original.defaultReward)
      #expect(copy.isShiftInvariant == original.isShiftInvariant && copy.isRowwise == original.isRowwise)
    }
  }

  @Test func whatCannotBePrintedIsRefused() throws {
    let registry = try BuiltPlugins.registry()
    let partners = try registry.component(named: "multi-reference", kind: .reward)
    #expect(
      message { try partners.swiftSource(name: "a", typeName: "A", summary: "") }.contains("depends on other responses")
    )
    let dpo = try registry.component(named: "dpo", kind: .loss)
    #expect(message { try dpo.swiftSource(name: "A", typeName: "A", summary: "") }.contains("'A' is not a name"))
    #expect(message { try dpo.swiftSource(name: "a", typeName: "1", summary: "") }.contains("name of a type"))
  }
}

extension PluginWorkshop {
  /// Compiles Swift source against the SDK of this build to a plugin of that name and returns its path.
  func buildSwift(_ source: String, as name: String) throws -> String {
    let input = directory.appendingPathComponent("\(UUID().uuidString).swift")
    try Data(source.utf8).write(to: input)
    let build = URL(fileURLWithPath: try BuiltPlugins.directory())
    let objects = try sdkObjects(in: build.path)
    let maps = ["CLossKit", "CLossKitKernels"].flatMap { target in
      ["-Xcc", "-fmodule-map-file=\(build.appendingPathComponent("\(target).build").path)/module.modulemap"]
    }
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments =
      [
        "swiftc", "-swift-version", "6", "-parse-as-library", "-module-name", "Written", "-emit-library", "-o",
        path(name), "-I", build.appendingPathComponent("Modules").path,
      ] + maps + [input.path] + objects + [vectorMath, "-lm"]
    try compiler.run()
    compiler.waitUntilExit()
    try #require(compiler.terminationStatus == 0, "the Swift compiler refused what was printed")
    try setPermissions(0o755, of: path(name))
    return path(name)
  }
}

#if arch(arm64)
  private let vectorMath = "-lsleefgnuabi"
#else
  private let vectorMath = "-lmvec"
#endif
