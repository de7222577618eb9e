import CUTF8Proc
import LossKit
import LossKitSystem

/// A step that changes the text before it is split.
enum Normalizer {
  /// A normalization form of Unicode, as options of utf8proc.
  case form(UInt32)
  /// A text before every part that is not empty.
  case prepend([UInt8])
  case replace([UInt8], with: [UInt8])

  /// Reads `normalizer` of a tokenizer.
  static func read(_ part: TokenizerPart?) throws -> [Normalizer] {
    guard let part else { return [] }
    let stable = UTF8PROC_STABLE.rawValue
    switch try part.type {
    case "Sequence": return try part.parts("normalizers").flatMap { try read($0) }
    case "NFC": return [.form(stable | UTF8PROC_COMPOSE.rawValue)]
    case "NFD": return [.form(stable | UTF8PROC_DECOMPOSE.rawValue)]
    case "NFKC": return [.form(stable | UTF8PROC_COMPOSE.rawValue | UTF8PROC_COMPAT.rawValue)]
    case "NFKD": return [.form(stable | UTF8PROC_DECOMPOSE.rawValue | UTF8PROC_COMPAT.rawValue)]
    case "Prepend": return [.prepend(Array(try part.string("prepend").utf8))]
    case "Replace": return [.replace(try part.literalPattern(), with: Array(try part.string("content").utf8))]
    case let type: throw part.unsupported(type, known: "Sequence, NFC, NFD, NFKC, NFKD, Prepend and Replace")
    }
  }

  /// The changed text.
  func callAsFunction(_ text: [UInt8]) throws -> [UInt8] {
    switch self {
    case .form(let options):
      if text.allSatisfy({ $0 < 0x80 }) { return text }
      var result: UnsafeMutablePointer<UInt8>?
      let count = utf8proc_map(text, text.count, &result, utf8proc_option_t(rawValue: options))
      guard count >= 0, let result else {
        throw Failure("a text cannot be normalized: \(String(cString: utf8proc_errmsg(count)))")
      }
      defer { free(result) }
      return Array(UnsafeBufferPointer(start: result, count: count))
    case .prepend(let start): return text.isEmpty ? text : start + text
    case .replace(let old, let new): return replacing(old, with: new, in: text)
    }
  }
}

/// A text with all occurrences of a part replaced.
func replacing(_ old: [UInt8], with new: [UInt8], in text: [UInt8]) -> [UInt8] {
  guard let first = old.first else { return text }
  var result: [UInt8] = []
  result.reserveCapacity(text.count + 16)
  var place = 0
  while place < text.count {
    if text[place] == first, text[place...].starts(with: old) {
      result += new
      place += old.count
    } else {
      result.append(text[place])
      place += 1
    }
  }
  return result
}
