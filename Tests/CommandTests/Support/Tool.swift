import Foundation
import LossKit

/// The built `losskit`, run as a child process.
enum Tool {
  /// The outcome of a run.
  struct Outcome {
    /// The exit status, or the signal that ended it.
    let status: Int32
    let output: String
    let error: String
    var wasEndedBySignal = false
  }

  /// Runs `losskit` to completion. The environment is that of the tests without a plugin path, plus `environment`.
  static func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:]
  ) throws -> Outcome {
    let run = try start(try executable(), arguments, input: Data(input.utf8), environment: environment)
    return try run.outcome()
  }

  /// Runs `losskit` with arbitrary bytes on standard input.
  static func run(_ arguments: [String], bytes: [UInt8]) throws -> Outcome {
    try start(try executable(), arguments, input: Data(bytes), environment: [:]).outcome()
  }

  /// Runs a shell command with `$LOSSKIT` set to the tool.
  static func shell(_ command: String) throws -> Outcome {
    try start("/bin/sh", ["-c", command], input: Data(), environment: ["LOSSKIT": try executable()]).outcome()
  }

  /// Starts `losskit` without waiting.
  static func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Run {
    try start(try executable(), arguments, input: Data(), environment: environment)
  }

  /// The directory of the build, with the tool and the plugins.
  static func directory() throws -> String {
    let program =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    var directory = URL(fileURLWithPath: program).deletingLastPathComponent()
    while directory.path != "/" {
      if FileManager.default.fileExists(atPath: directory.appendingPathComponent("libCalDPO.so").path) {
        return directory.path
      }
      directory.deleteLastPathComponent()
    }
    throw Failure("no directory above \(program) holds the plugins; build them with the tests")
  }

  private static func executable() throws -> String { try directory() + "/losskit" }

  private static func start(
    _ executable: String, _ arguments: [String], input: Data, environment: [String: String]
  ) throws -> Run {
    try Run(executable, arguments, input: input, environment: environment)
  }

  /// The default cache directory of runs, removed when the tests end.
  private static let cache: String? = {
    var template = Array("\(FileManager.default.temporaryDirectory.path)/losskit-cache-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return nil }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    Tool.cacheToRemove = path
    atexit { if let path = Tool.cacheToRemove { try? FileManager.default.removeItem(atPath: path) } }
    return path
  }()

  /// Written once, before it is read.
  nonisolated(unsafe) private static var cacheToRemove: String?

  /// A child process; its output goes to files, so that it never waits for a reader.
  final class Run {
    let process = Process()
    private let place: Workplace

    fileprivate init(_ executable: String, _ arguments: [String], input: Data, environment: [String: String]) throws {
      place = try Workplace()
      try input.write(to: URL(fileURLWithPath: place.path("in")))
      for name in ["out", "err"] { try Data().write(to: URL(fileURLWithPath: place.path(name))) }
      process.executableURL = URL(fileURLWithPath: executable)
      process.arguments = arguments
      var variables = ProcessInfo.processInfo.environment
      variables["LOSSKIT_PLUGIN_PATH"] = nil
      variables["XDG_CACHE_HOME"] = Tool.cache
      process.environment = variables.merging(environment) { $1 }
      process.standardInput = FileHandle(forReadingAtPath: place.path("in"))
      process.standardOutput = FileHandle(forWritingAtPath: place.path("out"))
      process.standardError = FileHandle(forWritingAtPath: place.path("err"))
      try process.run()
    }

    /// Whether it has written to standard output.
    var hasOutput: Bool { get throws { try !place.text("out").isEmpty } }

    /// Waits until the process ends.
    func outcome() throws -> Outcome {
      process.waitUntilExit()
      return Outcome(
        status: process.terminationStatus, output: try place.text("out"), error: try place.text("err"),
        wasEndedBySignal: process.terminationReason == .uncaughtSignal)
    }
  }
}
