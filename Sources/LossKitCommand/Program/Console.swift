import LossKitSystem
import LossKitTraining

/// Standard output and standard error.
enum Console {
  /// Writes results. Throws where standard output does not take them.
  static func write(_ text: String) throws {
    try Files.write(Array(text.utf8), to: .standardOutput, name: "standard output")
  }

  /// Tells the user something that is not a result, on standard error.
  static func note(_ text: String) { say("losskit: \(text)\n") }

  /// Writes to standard error. What cannot be written there is lost: nowhere is left to say so.
  static func say(_ text: String) { try? Files.write(Array(text.utf8), to: .standardError, name: "standard error") }

  /// Writes results to a file, to standard output where the path is `-`.
  static func write(_ text: String, to path: String) throws {
    if path == "-" { return try write(text) }
    try Files.overwrite(path, with: Array(text.utf8))
  }
}
