/// The tokens: one per byte, then the special tokens. A vocabulary may have more, which no text uses.
enum Token {
  static let padding: Int32 = 256
  static let begin: Int32 = 257
  static let end: Int32 = 258
  /// The number of tokens.
  static let count = 259
}
