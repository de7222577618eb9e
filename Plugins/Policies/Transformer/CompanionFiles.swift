import LossKit

/// The files beside a model's weights and configuration: they are written back byte for byte, so that the directory opens in
/// `transformers` as before.
struct CompanionFiles: Sendable {
  static let tokenizerName = "tokenizer.json", tokenizerConfigurationName = "tokenizer_config.json"
  static let generationName = "generation_config.json"
  private static let names = [
    generationName, tokenizerName, tokenizerConfigurationName, "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja",
  ]
  /// The maximum size of a file; the tokenizer.json of Gemma 3 has 33 MB.
  private static let largestSize = 1 << 28

  private var contents: [(name: String, bytes: [UInt8])] = []

  /// No files.
  init() {}

  /// Reads those that a directory has.
  init(in directory: String) throws {
    for name in Self.names {
      let path = directory + "/" + name
      guard File.exists(path) else { continue }
      let file = try File.reading(path), size = try file.size()
      guard size <= Self.largestSize else { throw Failure("transformer: \(path): \(size) bytes are too many") }
      contents.append((name, try file.read(size, at: 0)))
    }
  }

  /// The content of a file, if there is one of this name.
  subscript(name: String) -> [UInt8]? { contents.first { $0.name == name }?.bytes }

  /// Writes all files into a directory and waits until they are on disk.
  func write(to directory: String) throws {
    for file in contents { try file.bytes.withUnsafeBytes { try File.write(directory + "/" + file.name, [$0]) } }
  }
}
