/// The vocabulary: one token for each byte, then the special ones.
enum Token {
  static let padding: Int32 = 256
  static let begin: Int32 = 257
  static let end: Int32 = 258
  static let vocabularySize = 259
}
