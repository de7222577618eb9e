import LossKit

/// A strict JSON parser (RFC 8259): unique keys, numbers as the nearest double, no extensions.
///
/// The time is linear in the length. The functions throw a `JSONError` with the position.
struct JSONParser {
  var bytes: UnsafeBufferPointer<UInt8>
  var position = 0
  private(set) var line: Int
  private var lineStart = 0

  /// The maximum nesting depth of objects and arrays.
  static let deepest = 128

  init(_ bytes: UnsafeBufferPointer<UInt8>, line: Int) {
    self.bytes = bytes
    self.line = line
  }

  /// Reads the single value of a document.
  mutating func document() throws(JSONError) -> JSONValue {
    let value = try value(depth: 0)
    guard peek() == nil else { throw unexpected("nothing more") }
    return value
  }

  /// Reads the next element of the single array of a document, with the line on which it begins; nil behind the last.
  mutating func documentElement(isFirst: Bool) throws(JSONError) -> (line: Int, value: JSONValue)? {
    if isFirst, !take(UInt8(ascii: "[")) { throw unexpected("'['") }
    if isFirst ? take(UInt8(ascii: "]")) : !take(UInt8(ascii: ",")) {
      guard isFirst || take(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
      guard peek() == nil else { throw unexpected("nothing more") }
      return nil
    }
    _ = peek()
    let line = line
    return (line, try value(depth: 1))
  }

  /// The next byte after white space, or nil.
  mutating func peek() -> UInt8? {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
      case UInt8(ascii: "\n"):
        position += 1
        line += 1
        lineStart = position
      case let byte: return byte
      }
    }
    return nil
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  /// The end of the word that begins at the current position.
  var endOfWord: Int {
    bytes[position...].firstIndex { byte in
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"), UInt8(ascii: ","),
        UInt8(ascii: ":"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"),
        UInt8(ascii: "\""):
        true
      default: false
      }
    } ?? bytes.count
  }

  // MARK: Failures

  /// An error at the current position.
  func failure(_ problem: String, _ remedy: String? = nil) -> JSONError {
    let before = bytes[lineStart..<min(position, bytes.count)]
    // Count all bytes except UTF-8 continuation bytes.
    let column = before.count { $0 & 0xC0 != 0x80 } + 1
    return JSONError(line: line, column: column, problem: problem, remedy: remedy)
  }

  mutating func unexpected(_ expected: String) -> JSONError {
    if let next = peek(), next >= 0x80, let offset = offsetOfInvalidUTF8(in: bytes[position...]), offset == 0 {
      return notUTF8(from: position)
    }
    return failure("not JSON: expected \(expected), found \(found)")
  }

  /// The error for a text that is not UTF-8.
  func notUTF8(from start: Int) -> JSONError {
    var parser = self
    parser.position = start + (offsetOfInvalidUTF8(in: bytes[start...]) ?? 0)
    return parser.failure("not UTF-8", "convert the file to UTF-8")
  }

  /// Describes what is at the current position.
  private var found: String {
    guard position < bytes.count else { return "the end" }
    let end = endOfWord
    let word = excerpt(length: max(1, min(end - position, 20)))
    if ["NaN", "Infinity", "-Infinity"].contains(word) { return "'\(word)', which JSON does not have" }
    guard let scalar = word.unicodeScalars.first, scalar.properties.generalCategory.isVisible else {
      let code = String(word.unicodeScalars.first?.value ?? 0, radix: 16, uppercase: true)
      return "U+" + String(repeating: "0", count: max(0, 4 - code.count)) + code
    }
    return "'\(word)\(end - position > 20 ? "…" : "")'"
  }

  /// The next characters, at most `length` bytes.
  func excerpt(length: Int) -> String {
    var end = min(position + length, bytes.count)
    while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }
}

extension Unicode.GeneralCategory {
  fileprivate var isVisible: Bool {
    switch self {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}

/// The offset of the first byte that is not part of well-formed UTF-8, or nil.
private func offsetOfInvalidUTF8(in bytes: some Collection<UInt8>) -> Int? {
  var offset = 0
  var rest = bytes.makeIterator()
  var parser = Unicode.UTF8.ForwardParser()
  while true {
    switch parser.parseScalar(from: &rest) {
    case .valid(let scalar): offset += scalar.count
    case .emptyInput: return nil
    case .error: return offset
    }
  }
}
