import LossKitSystem

/// Standard output and standard error: all that the command prints passes here.
enum Console {
  /// Writes text for people to standard output, with control characters made visible. Throws if it cannot be written.
  static func show(_ text: String) throws { try put(text.visible(), .standardOutput) }

  /// Writes text for programs, such as JSON and code, to standard output: as it is, but to a terminal as `show` does. Throws if it cannot
  /// be written.
  static func write(_ text: String) throws { try put(forPrograms: text, .standardOutput) }

  /// Writes text for programs to a file, or to standard output if the path is `-`.
  static func write(_ text: String, to path: String) throws {
    if path == "-" { return try write(text) }
    try Files.overwrite(path, with: Array(text.utf8))
  }

  /// Writes a message that is not a result to standard error, with control characters made visible.
  static func note(_ text: String) { say("losskit: \(text)\n") }

  /// Writes text for people to standard error, as `show` does. A failure to write is ignored, because it cannot be reported.
  static func say(_ text: String) { try? put(text.visible(), .standardError) }

  /// Writes text for programs to standard error, as `write` does. A failure to write is ignored.
  static func sayExactly(_ text: String) { try? put(forPrograms: text, .standardError) }

  private static func put(forPrograms text: String, _ file: FileDescriptor) throws {
    try put(isatty(file.rawValue) == 1 ? text.visible() : text, file)
  }

  private static func put(_ text: String, _ file: FileDescriptor) throws {
    try Files.write(Array(text.utf8), to: file, name: file == .standardError ? "standard error" : "standard output")
  }
}
