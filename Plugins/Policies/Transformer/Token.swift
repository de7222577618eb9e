/// The tokens: one for each byte, then the special ones. A vocabulary may have more, which no text uses.
enum Token {
  static let padding: Int32 = 256
  static let begin: Int32 = 257
  static let end: Int32 = 258
  /// How many there are.
  static let count = 259
}
