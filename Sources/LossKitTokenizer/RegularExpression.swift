import CPCRE
import LossKit

/// A regular expression of a tokenizer, matched against UTF-8.
///
/// Sendable although it holds a pointer: the compiled expression is written in `init` only.
package final class RegularExpression: @unchecked Sendable {
  private let code: OpaquePointer

  /// Compiles a pattern. Throws if it is not one of PCRE2's, which has the syntax of Oniguruma that tokenizers use.
  package init(_ pattern: String) throws {
    // PCRE2's \s lacks U+180E and the like; Oniguruma's is Unicode's White_Space.
    var escaped = false, rewritten = ""
    for character in pattern.unicodeScalars {
      switch (escaped, character) {
      case (false, "\\"):
        escaped = true
        continue
      case (true, "s"): rewritten += "\\p{White_Space}"
      case (true, "S"): rewritten += "\\P{White_Space}"
      case (true, _): rewritten += "\\" + String(character)
      case (false, _): rewritten.unicodeScalars.append(character)
      }
      escaped = false
    }
    if escaped { rewritten += "\\" }
    var problem: Int32 = 0, place = 0
    let bytes = Array(rewritten.utf8)
    guard let code = pcre2_compile_8(bytes, bytes.count, UInt32(PCRE2_UTF) | UInt32(PCRE2_UCP), &problem, &place, nil)
    else {
      var message = [UInt8](repeating: 0, count: 256)
      pcre2_get_error_message_8(problem, &message, message.count)
      let text = String(decoding: message.prefix { $0 != 0 }, as: UTF8.self)
      throw Failure("the pattern '\(pattern)' is no regular expression that LossKit knows: \(text)")
    }
    self.code = code
    // Where no code can be generated, the pattern is interpreted.
    _ = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
  }

  deinit { pcre2_code_free_8(code) }

  /// Whether the expression matches somewhere in a text, other than by an empty match.
  package func matches(_ text: String) throws -> Bool {
    var isFound = false
    var text = text
    try text.withUTF8 { try forEachMatch(in: $0) { _ in isFound = true } }
    return isFound
  }

  /// Calls a closure with the range of each match, from left to right; empty matches are left out. `text` is valid UTF-8.
  ///
  /// Throws if a match takes more steps than PCRE2 allows.
  func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) throws {
    guard let start = text.baseAddress, let data = pcre2_match_data_create_from_pattern_8(code, nil) else { return }
    defer { pcre2_match_data_free_8(data) }
    var place = 0
    while place < text.count {
      let found = pcre2_match_8(code, start, text.count, place, UInt32(PCRE2_NO_UTF_CHECK), data, nil)
      if found == PCRE2_ERROR_NOMATCH { return }
      guard found > 0, let range = pcre2_get_ovector_pointer_8(data) else {
        throw Failure(
          "a pattern of the tokenizer takes too many steps for a text of \(text.count) bytes; shorten the text")
      }
      if range[1] > range[0] {
        body(range[0]..<range[1])
        place = range[1]
      } else {
        place = range[1] + 1
        while place < text.count, text[place] & 0xC0 == 0x80 { place += 1 }
      }
    }
  }
}
