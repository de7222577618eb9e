import LossKit

/// Reads JSON (RFC 8259) from bytes that may be anything. A name that stands twice in one object is an error.
struct JSONParser {
  /// Values inside values; a file of ours has three.
  private static let deepest = 32

  private let bytes: UnsafeRawBufferPointer
  private let place: String
  private var index = 0

  init(bytes: UnsafeRawBufferPointer, place: String) {
    self.bytes = bytes
    self.place = place
  }

  mutating func parse() throws -> JSON {
    let value = try value(depth: 0)
    skipSpace()
    guard index == bytes.count else { throw failure("text after the end") }
    return value
  }

  private func failure(_ problem: String) -> Failure {
    Failure("\(place): not JSON: \(problem) at byte \(index); the file is damaged or of another kind")
  }

  private mutating func skipSpace() {
    while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
  }

  /// The next byte that is not space.
  private mutating func next() throws -> UInt8 {
    skipSpace()
    guard index < bytes.count else { throw failure("it ends too early") }
    return bytes[index]
  }

  private mutating func accept(_ character: Unicode.Scalar) throws -> Bool {
    guard try next() == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private mutating func value(depth: Int) throws -> JSON {
    guard depth < Self.deepest else { throw failure("more than \(Self.deepest) values inside one another") }
    switch try next() {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSON) throws -> JSON {
    let end = index + text.utf8CodeUnitCount
    guard end <= bytes.count,
      text.withUTF8Buffer({ $0.elementsEqual(UnsafeRawBufferPointer(rebasing: bytes[index..<end])) })
    else { throw failure("an unknown word") }
    index = end
    return value
  }

  private mutating func object(depth: Int) throws -> JSON {
    index += 1
    var members: [JSON.Member] = []
    var names: Set<String> = []
    if try accept("}") { return .object([]) }
    repeat {
      guard try next() == UInt8(ascii: "\"") else { throw failure("a name is missing") }
      let name = try string()
      guard names.insert(name).inserted else { throw failure("the name \"\(name)\" for the second time") }
      guard try accept(":") else { throw failure("a colon is missing") }
      members.append(JSON.Member(name: name, value: try value(depth: depth + 1)))
    } while try accept(",")
    guard try accept("}") else { throw failure("a comma or brace is missing") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws -> JSON {
    index += 1
    var values: [JSON] = []
    if try accept("]") { return .array([]) }
    repeat { values.append(try value(depth: depth + 1)) } while try accept(",")
    guard try accept("]") else { throw failure("a comma or bracket is missing") }
    return .array(values)
  }

  /// −, digits without a leading zero, a fraction, an exponent.
  private mutating func number() throws -> JSON {
    let start = index
    skip("-")
    let whole = skipDigits()
    let hasLeadingZero = whole > 1 && bytes[index - whole] == UInt8(ascii: "0")
    guard whole > 0, !hasLeadingZero else { throw failure("a value that is none") }
    if skip("."), skipDigits() == 0 { throw failure("a number without decimals after its point") }
    if skip("e") || skip("E") {
      if !skip("+") { skip("-") }
      if skipDigits() == 0 { throw failure("a number without an exponent after its e") }
    }
    return .number(String(decoding: bytes[start..<index], as: UTF8.self))
  }

  @discardableResult
  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  private mutating func skipDigits() -> Int {
    let start = index
    while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
    return index - start
  }

  private mutating func string() throws -> String {
    index += 1
    var text: [UInt8] = []
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else { throw failure("text that is not UTF-8") }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      case ..<0x20: throw failure("a control character in a text")
      default: text.append(byte)
      }
    }
    throw failure("a text without an end")
  }

  private mutating func escape(into text: inout [UInt8]) throws {
    guard index < bytes.count else { throw failure("a text without an end") }
    let byte = bytes[index]
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: Array(String(try unicodeScalar()).utf8))
    default: throw failure("an unknown escape")
    }
  }

  /// What follows \u: four digits, or two surrogates.
  private mutating func unicodeScalar() throws -> Unicode.Scalar {
    var code = try fourDigits()
    if (0xD800..<0xDC00).contains(code), skip("\\"), skip("u") {
      let low = try fourDigits()
      guard (0xDC00..<0xE000).contains(low) else { throw failure("half a surrogate pair") }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw failure("half a surrogate pair") }
    return scalar
  }

  private mutating func fourDigits() throws -> UInt32 {
    guard index + 4 <= bytes.count,
      let code = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
    else { throw failure("an escape without four hexadecimal digits") }
    index += 4
    return code
  }
}
