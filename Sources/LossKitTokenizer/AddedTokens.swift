import LossKit

/// The tokens that are cut from a text before it is split: special ones, and words that the vocabulary was extended by.
struct AddedTokens {
  private struct Token {
    let text: [UInt8]
    let id: Int32
    /// Whether white space before or after the token belongs to it.
    let takesSpaceBefore, takesSpaceAfter: Bool
    /// Whether it counts only between characters that are not of words.
    let isWord: Bool
  }

  /// Tokens by their first byte, the longest first.
  private var tokens: [UInt8: [Token]] = [:]

  /// Adds a token of a tokenizer.json, whose text was normalized if it is to be.
  mutating func add(_ text: [UInt8], _ id: Int32, _ part: TokenizerPart) throws {
    guard let first = text.first else { return }
    let token = Token(
      text: text, id: id, takesSpaceBefore: try part.bool("lstrip") ?? false,
      takesSpaceAfter: try part.bool("rstrip") ?? false, isWord: try part.bool("single_word") ?? false)
    var same = tokens[first] ?? []
    same.insert(token, at: same.firstIndex { $0.text.count < text.count } ?? same.count)
    tokens[first] = same
  }

  /// Calls a closure with the parts of a text from left to right: tokens with their number, and what lies between them.
  ///
  /// Of the tokens that begin at a place, the longest counts.
  func cut(_ text: [UInt8], _ body: (Range<Int>, Int32?) throws -> Void) rethrows {
    var start = 0, place = 0
    while !tokens.isEmpty, place < text.count {
      guard let token = tokens[text[place]]?.first(where: { text[place...].starts(with: $0.text) }) else {
        place += 1
        continue
      }
      var range = place..<place + token.text.count
      if token.isWord, isWord(text, before: range.lowerBound) || isWord(text, at: range.upperBound) {
        place = range.upperBound
        continue
      }
      if token.takesSpaceBefore {
        while range.lowerBound > start, let scalar = scalar(text, before: range.lowerBound),
          scalar.properties.isWhitespace
        {
          range = range.lowerBound - UTF8.width(scalar)..<range.upperBound
        }
      }
      if token.takesSpaceAfter {
        while let scalar = scalar(text, at: range.upperBound), scalar.properties.isWhitespace {
          range = range.lowerBound..<range.upperBound + UTF8.width(scalar)
        }
      }
      if range.lowerBound > start { try body(start..<range.lowerBound, nil) }
      try body(range, token.id)
      place = range.upperBound
      start = place
    }
    if start < text.count { try body(start..<text.count, nil) }
  }

  private func isWord(_ text: [UInt8], at place: Int) -> Bool { scalar(text, at: place).map(isWord) ?? false }

  private func isWord(_ text: [UInt8], before place: Int) -> Bool { scalar(text, before: place).map(isWord) ?? false }

  /// \w of the regular expressions that tokenizers use.
  private func isWord(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.properties.isAlphabetic || scalar.value == 0x200C || scalar.value == 0x200D { return true }
    switch scalar.properties.generalCategory {
    case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark: return true
    default: return false
    }
  }

  private func scalar(_ text: [UInt8], at place: Int) -> Unicode.Scalar? {
    guard place < text.count else { return nil }
    return String(decoding: text[place..<min(place + 4, text.count)], as: UTF8.self).unicodeScalars.first
  }

  private func scalar(_ text: [UInt8], before place: Int) -> Unicode.Scalar? {
    guard place > 0 else { return nil }
    var start = place - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return scalar(text, at: start)
  }
}
