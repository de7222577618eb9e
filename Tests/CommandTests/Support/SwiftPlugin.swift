import Foundation
import LossKitTestSupport
import Testing

/// Plugins in Swift, compiled against the modules and objects of the running tests, which takes seconds instead of a package's minute.
enum SwiftPlugin {
  /// Compiles a source file's text to a library.
  static func compile(_ source: String, to library: String) throws {
    let outcome = try build(source, to: library)
    try #require(outcome.status == 0, "\(outcome.output)\(outcome.error)")
  }

  /// The same, with the compiler's output.
  static func build(_ source: String, to library: String) throws -> Tool.Outcome {
    let place = try Workplace()
    let build = try Tool.directory()
    let input = try place.write(source, as: "Plugin.swift")
    let objects = try sdkObjects(in: build)
    let headers = Repository.root.appendingPathComponent("Sources/CLossKit/include").path
    return try Tool.shell(
      """
      swiftc -swift-version 6 -parse-as-library -emit-library -module-name Plugin -o '\(library)' '\(input)' \
      -I '\(build)/Modules' -Xcc -I'\(headers)' -Xcc -fmodule-map-file='\(build)/CLossKit.build/module.modulemap' \
      -Xcc -fmodule-map-file='\(build)/CLossKitKernels.build/module.modulemap' \
      \(objects.map { "'\($0)'" }.joined(separator: " ")) \(vectorMath) -lm \
      -Xlinker --version-script='\(Repository.root.appendingPathComponent("Plugins/exports.map").path)'
      """)
  }

  #if arch(arm64)
    private static let vectorMath = "-lsleefgnuabi"
  #else
    private static let vectorMath = "-lmvec"
  #endif
}

/// System programs that tests can do without.
enum Programs {
  /// Whether the shell finds a program.
  static func has(_ name: String) -> Bool {
    (try? Tool.shell("command -v \(name)").status) == 0
  }
}
