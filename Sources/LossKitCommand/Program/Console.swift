import LossKitSystem
import LossKitTraining

/// Standard output and standard error.
enum Console {
  /// Writes results. Throws if standard output cannot be written.
  static func write(_ text: String) throws {
    try Files.write(Array(text.utf8), to: .standardOutput, name: "standard output")
  }

  /// Writes a message that is not a result to standard error.
  static func note(_ text: String) { say("losskit: \(text)\n") }

  /// Writes to standard error. A failure to write is ignored, because it cannot be reported.
  static func say(_ text: String) { try? Files.write(Array(text.utf8), to: .standardError, name: "standard error") }

  /// Writes results to a file, or to standard output if the path is `-`.
  static func write(_ text: String, to path: String) throws {
    if path == "-" { return try write(text) }
    try Files.overwrite(path, with: Array(text.utf8))
  }
}
