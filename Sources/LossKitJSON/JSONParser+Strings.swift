extension JSONParser {
  mutating func string() throws(JSONError) -> String {
    let start = position
    position += 1
    let first = position
    skipPlainBytes()
    if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
      position += 1
      return try text(UnsafeBufferPointer(rebasing: bytes[first..<position - 1]), from: first)
    }
    var content = Array(bytes[first..<position])
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      guard bytes[position] == UInt8(ascii: "\\") else {
        throw failure("not JSON: a control character in a text", "write it as an escape such as \\n")
      }
      try appendEscaped(to: &content)
      let next = position
      skipPlainBytes()
      content.append(contentsOf: bytes[next..<position])
    }
    guard position < bytes.count else {
      position = start
      throw failure("not JSON: this text is never closed")
    }
    position += 1
    let text = content.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
    guard let text else { throw notUTF8(from: first) }
    return text
  }

  private func text(_ content: UnsafeBufferPointer<UInt8>, from start: Int) throws(JSONError) -> String {
    guard let text = String(validating: content, as: UTF8.self) else { throw notUTF8(from: start) }
    return text
  }

  /// Skips bytes that need no unescaping.
  private mutating func skipPlainBytes() {
    while position < bytes.count {
      let byte = bytes[position]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
      position += 1
    }
  }

  /// Appends the character of an escape sequence.
  private mutating func appendEscaped(to content: inout [UInt8]) throws(JSONError) {
    guard position + 1 < bytes.count else { throw failure("not JSON: this text is never closed") }
    let letter = bytes[position + 1]
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(letter)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"): return content.append(contentsOf: try escapedScalar().utf8)
    default:
      position += 1
      throw failure("not JSON: '\\\(excerpt(length: 1))' is not an escape")
    }
    position += 2
  }

  /// The character of a `\u` escape, or of a surrogate pair of two.
  private mutating func escapedScalar() throws(JSONError) -> Unicode.Scalar {
    let start = position
    let high = try hexadecimal()
    if let scalar = Unicode.Scalar(high) { return scalar }
    if high < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    {
      let low = try hexadecimal()
      if (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
      {
        return scalar
      }
    }
    position = start
    throw failure("'\(excerpt(length: 6))' is half a character", "write the \\u escapes of both halves")
  }

  /// Reads the four digits after `\u`.
  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for offset in 2..<6 {
      let byte = position + offset < bytes.count ? bytes[position + offset] : 0
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw failure("not JSON: '\\u' needs four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
    }
    position += 6
    return value
  }
}
