import Foundation
import LossKit
import LossKitRuntime

/// The plugins of this package in the build directory.
enum BuiltPlugins {
  /// A registry of the build's directory.
  static func registry() throws -> PluginRegistry {
    PluginRegistry(searchPath: try PluginSearchPath([try directory()]))
  }

  /// The names of all losses or rewards there; empty if the directory cannot be read, which `registryHolds…` notices.
  static func names(_ kind: PluginEntryDescription.Kind) -> [String] {
    guard let entries = try? registry().listing.entries else { return [] }
    return entries.filter { $0.kind == kind }.map(\.name).sorted()
  }

  /// The directory of the running tests, or the one above it that holds libraries.
  static func directory() throws -> String {
    let program =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    var directory = URL(fileURLWithPath: program).deletingLastPathComponent()
    while directory.path != "/" {
      if FileManager.default.fileExists(atPath: directory.appendingPathComponent("libDPO.so").path) {
        return directory.path
      }
      directory.deleteLastPathComponent()
    }
    throw Failure("no directory above \(program) holds the plugins; build them with the tests")
  }
}
