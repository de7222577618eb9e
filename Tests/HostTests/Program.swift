import Foundation
import LossKit

/// Other programs, run as child processes.
enum Program {
  /// The outcome of a run, with output and errors combined.
  struct Outcome {
    let status: Int32
    let output: String
  }

  /// The package under test.
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// Runs a program, found by name, to completion.
  static func run(
    _ name: String, _ arguments: [String], in directory: String, environment: [String: String] = [:]
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    var variables = ProcessInfo.processInfo.environment
    // The make that runs the tests must not affect the one that they run.
    for name in ["LOSSKIT_PLUGIN_PATH", "LD_LIBRARY_PATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DESTDIR"] {
      variables[name] = nil
    }
    process.environment = variables.merging(environment) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
  }

  /// The directory of the build, with the command, the plugins and the archive of the library.
  static func buildDirectory() throws -> String {
    let program =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    var directory = URL(fileURLWithPath: program).deletingLastPathComponent()
    while directory.path != "/" {
      if FileManager.default.fileExists(atPath: directory.appendingPathComponent("libLossKitC.a").path) {
        return directory.path
      }
      directory.deleteLastPathComponent()
    }
    throw Failure("no directory above \(program) holds libLossKitC.a; build it with the tests")
  }
}
