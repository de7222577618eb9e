import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// The examples of Examples/Foreign, built as its README says.
@Suite struct ForeignExampleTests {
  private let workshop: PluginWorkshop

  init() throws {
    workshop = try PluginWorkshop()
    for file in try FileManager.default.contentsOfDirectory(atPath: Self.examples.path) {
      try workshop.write(workshop.read(Self.examples.appendingPathComponent(file).path), as: file)
    }
  }

  private static let examples = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Examples/Foreign")

  static let hasRust = isThere("rustc")
  static let hasFortran = isThere("gfortran")

  private static func isThere(_ compiler: String) -> Bool { (try? run([compiler, "--version"], in: "/")) == 0 }

  private static func run(_ command: [String], in directory: String) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// Runs the README's command that builds a file.
  private func build(_ source: String) throws {
    let readme = try String(contentsOf: Self.examples.appendingPathComponent("README.md"), encoding: .utf8)
    let line = try #require(
      readme.split(separator: "\n").first { $0.hasSuffix(" \(source)") || $0.contains(" \(source) ") })
    try #require(try Self.run(["sh", "-c", String(line)], in: workshop.directory.path) == 0, "\(line)")
  }

  private func registry(_ manifest: String) throws -> PluginRegistry {
    let registry = try BuiltPlugins.registry()
    try registry.open(path: workshop.path(manifest))
    return registry
  }

  private func evaluate(_ text: String, in registry: PluginRegistry) throws -> Evaluation {
    var numbers = SeededNumbers(seed: 5)
    let batch = Batch(
      prompts: 64,
      columns: ["policy_logp": numbers.normals(128, mean: -9), "reference_logp": numbers.normals(128, mean: -9)])
    var state: [Double] = []
    return try Objective(text, in: registry).evaluate(batch, state: &state)
  }

  private func expectSame(_ name: String, as other: String, in registry: PluginRegistry, tolerance: Double) throws {
    let found = try evaluate(name, in: registry), expected = try evaluate(other, in: registry)
    #expect(worstError(found.loss, expected.loss) < 1e-13)
    #expect(worstError(found.reward, expected.reward) < 1e-13)
    let pairs = (found.gradients["policy_logp"] ?? [], expected.gradients["policy_logp"] ?? [])
    #expect(pairs.0.count == 128 && worstError(pairs.0, pairs.1) < tolerance)
  }

  @Test func aFunctionInC() throws {
    try build("sigmoid.c")
    try expectSame(
      "c-sigmoid(beta=0.3)", as: "dpo(beta=0.3)", in: registry("c-sigmoid.losskit.json"), tolerance: 1e-13)
  }

  @Test(.enabled(if: hasRust, "there is no rustc"))
  func aFunctionInRust() throws {
    try build("squared.rs")
    try expectSame(
      "rust-squared(beta=0.3)", as: "ipo(beta=0.3)", in: registry("rust-squared.losskit.json"), tolerance: 1e-13)
  }

  @Test(.enabled(if: hasFortran, "there is no gfortran"))
  func aFunctionInFortran() throws {
    try build("hinge.f90")
    let registry = try registry("fortran-hinge.losskit.json")
    #expect(try Objective("fortran-hinge", in: registry).hasNumericGradient)
    try expectSame("fortran-hinge(beta=0.3)", as: "hinge(beta=0.3)", in: registry, tolerance: 1e-9)
  }

  @Test func aFunctionOfTheCLibrary() throws {
    let registry = try registry("tanh-ratio.losskit.json")
    let found = try evaluate("dpo(beta=0.3) @ tanh-ratio", in: registry)
    let plain = try evaluate("dpo(beta=0.3) @ log-ratio", in: registry)
    let tanhs = plain.reward.map { tanh($0) }
    #expect(found.reward == tanhs)
    var state: [Double] = []
    let batch = Batch(
      prompts: 64, columns: ["policy_logp": tanhs, "reference_logp": [Double](repeating: 0, count: 128)])
    let outer = try Objective("dpo(beta=0.3)", in: registry).evaluate(batch, state: &state)
    let slopes = zip(outer.gradients["policy_logp"] ?? [], tanhs).map { $0 * (1 - $1 * $1) }
    #expect(worstError(found.loss, outer.loss) < 1e-13)
    #expect(worstError(found.gradients["policy_logp"] ?? [], slopes) < 1e-9)
  }
}
