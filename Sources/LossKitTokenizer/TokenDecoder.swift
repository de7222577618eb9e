import LossKit

/// A step from tokens back to text.
enum TokenDecoder {
  case replace([UInt8], with: [UInt8])
  /// Tokens such as `<0x0A>` become their byte; of a run that is no UTF-8, each becomes U+FFFD.
  case byteFallback
  /// All tokens become one.
  case fuse
  /// A text is removed from the start of each token, so many times at most, and from its end.
  case strip([UInt8], start: Int, end: Int)

  /// Reads `decoder` of a tokenizer. Byte-level tokens are bytes already, and need no step.
  static func read(_ part: TokenizerPart?) throws -> [TokenDecoder] {
    guard let part else { return [] }
    switch try part.type {
    case "Sequence": return try part.parts("decoders").flatMap { try read($0) }
    case "ByteLevel": return []
    case "ByteFallback": return [.byteFallback]
    case "Fuse": return [.fuse]
    case "Replace": return [.replace(try part.literalPattern(), with: Array(try part.string("content").utf8))]
    case "Strip":
      return [
        .strip(Array(try part.string("content").utf8), start: try part.integer("start"), end: try part.integer("stop"))
      ]
    case "Metaspace":
      let mark = Array(try part.string("replacement").utf8)
      let isMarked = try part.optionalString("prepend_scheme") != "never"
      // The mark that was put before the text is removed from the first token.
      return [.replace(mark, with: [UInt8(ascii: " ")])]
        + (isMarked ? [.fuse, .strip([UInt8(ascii: " ")], start: 1, end: 0)] : [])
    case let type:
      throw part.unsupported(type, known: "Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip and Metaspace")
    }
  }

  /// The changed tokens.
  func callAsFunction(_ tokens: [[UInt8]]) -> [[UInt8]] {
    switch self {
    case .replace(let old, let new): return tokens.map { replacing(old, with: new, in: $0) }
    case .fuse: return [Array(tokens.joined())]
    case .strip(let text, let start, let end): return tokens.map { stripped($0, text, start: start, end: end) }
    case .byteFallback:
      var result: [[UInt8]] = [], run: [UInt8] = []
      func endRun() {
        if run.isEmpty { return }
        if String(validating: run, as: UTF8.self) != nil {
          result.append(run)
        } else {
          result += [[UInt8]](repeating: Array("\u{FFFD}".utf8), count: run.count)
        }
        run = []
      }
      for token in tokens {
        if let byte = ByteAlphabet.fallbackByte(token) {
          run.append(byte)
        } else {
          endRun()
          result.append(token)
        }
      }
      endRun()
      return result
    }
  }

  private func stripped(_ token: [UInt8], _ text: [UInt8], start: Int, end: Int) -> [UInt8] {
    guard !text.isEmpty else { return token }
    var token = token[...]
    for _ in 0..<max(0, start) where token.starts(with: text) { token = token.dropFirst(text.count) }
    for _ in 0..<max(0, end) where token.count >= text.count && token.suffix(text.count).elementsEqual(text) {
      token = token.dropLast(text.count)
    }
    return Array(token)
  }
}
