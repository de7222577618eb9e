import LossKit

/// A JSON value of a manifest, with the line it stands on: a reader that sees keys that are there twice, and says where.
struct ManifestJSON {
  /// What it is.
  enum Value {
    case null
    case boolean(Bool)
    case number(Double)
    case string(String)
    case array([ManifestJSON])
    case object([(key: String, value: ManifestJSON)])
  }

  let value: Value
  let line: Int

  /// What it is, with its article, for messages.
  var kindName: String {
    switch value {
    case .null: "null"
    case .boolean: "true or false"
    case .number: "a number"
    case .string: "a text"
    case .array: "a list"
    case .object: "an object"
    }
  }

  /// Reads a whole file. Throws for what is no JSON, with line and column, and for a key that an object has twice.
  init(parsing bytes: [UInt8]) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure("it is not UTF-8; save it as such") }
    var parser = Parser(text)
    self = try parser.parse()
  }

  fileprivate init(_ value: Value, line: Int) {
    self.value = value
    self.line = line
  }

  private struct Parser {
    private let characters: [Unicode.Scalar]
    private var position = 0
    private static let deepest = 16

    init(_ text: String) { characters = Array(text.unicodeScalars) }

    mutating func parse() throws -> ManifestJSON {
      let value = try value(depth: 0)
      guard peek() == nil else { throw unexpected("the end") }
      return value
    }

    private mutating func value(depth: Int) throws -> ManifestJSON {
      guard let next = peek() else { throw unexpected("a value") }
      let line = line
      guard depth < Self.deepest else { throw failure("it is nested deeper than \(Self.deepest) levels") }
      switch next {
      case "{": return ManifestJSON(.object(try members(depth: depth)), line: line)
      case "[": return ManifestJSON(.array(try elements(depth: depth)), line: line)
      case "\"": return ManifestJSON(.string(try string()), line: line)
      default: return ManifestJSON(try word(), line: line)
      }
    }

    private mutating func members(depth: Int) throws -> [(key: String, value: ManifestJSON)] {
      position += 1
      var members: [(key: String, value: ManifestJSON)] = []
      if take("}") { return members }
      repeat {
        guard peek() == "\"" else { throw unexpected("a key in quotation marks") }
        let line = line
        let key = try string()
        guard !members.contains(where: { $0.key == key }) else {
          throw Failure("line \(line): key '\(key)' stands there twice; take one of them out")
        }
        guard take(":") else { throw unexpected("':' behind \"\(key)\"") }
        members.append((key, try value(depth: depth + 1)))
      } while take(",")
      guard take("}") else { throw unexpected("',' or '}'") }
      return members
    }

    private mutating func elements(depth: Int) throws -> [ManifestJSON] {
      position += 1
      var elements: [ManifestJSON] = []
      if take("]") { return elements }
      repeat { elements.append(try value(depth: depth + 1)) } while take(",")
      guard take("]") else { throw unexpected("',' or ']'") }
      return elements
    }

    private mutating func string() throws -> String {
      let start = position
      position += 1
      var text = String.UnicodeScalarView()
      while position < characters.count, characters[position] != "\"" {
        guard characters[position].value >= 0x20 else { throw failure("a text goes on beyond its line") }
        text.append(characters[position] == "\\" ? try escaped() : characters[position])
        position += 1
      }
      guard position < characters.count else {
        position = start
        throw failure("this text is never closed")
      }
      position += 1
      return String(text)
    }

    /// What a backslash and the letters behind it stand for; leaves the last one to be passed.
    private mutating func escaped() throws -> Unicode.Scalar {
      position += 1
      let escapes: [Unicode.Scalar: Unicode.Scalar] = [
        "\"": "\"", "\\": "\\", "/": "/", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r", "t": "\t",
      ]
      guard position < characters.count else { throw unexpected("a letter behind '\\'") }
      if let scalar = escapes[characters[position]] { return scalar }
      guard characters[position] == "u" else { throw failure("'\\\(characters[position])' stands for nothing") }
      let high = try hexadecimal()
      if let scalar = Unicode.Scalar(high) { return scalar }
      guard high < 0xDC00, position + 2 < characters.count, characters[position + 1] == "\\",
        characters[position + 2] == "u"
      else { throw failure("half a character; \\u escapes of one beyond U+FFFF come in pairs") }
      position += 2
      let low = try hexadecimal()
      guard (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
      else { throw failure("half a character; \\u escapes of one beyond U+FFFF come in pairs") }
      return scalar
    }

    /// The four digits behind a `u`.
    private mutating func hexadecimal() throws -> UInt32 {
      let digits = characters[min(position + 1, characters.count)..<min(position + 5, characters.count)]
      let text = String(String.UnicodeScalarView(digits))
      guard digits.count == 4, text.allSatisfy(\.isHexDigit), let value = UInt32(text, radix: 16) else {
        throw failure("'\\u' calls for four hexadecimal digits")
      }
      position += 4
      return value
    }

    private mutating func word() throws -> Value {
      let start = position
      while position < characters.count, !" \t\r\n,:]}\"".unicodeScalars.contains(characters[position]) {
        position += 1
      }
      let word = String(String.UnicodeScalarView(characters[start..<position]))
      switch word {
      case "null": return .null
      case "true": return .boolean(true)
      case "false": return .boolean(false)
      default:
        let isDecimal = word.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
        guard isDecimal, word.first != "+", let number = Double(word), number.isFinite else {
          position = start
          throw unexpected("a value")
        }
        return .number(number)
      }
    }

    /// What comes next, white space left out.
    private mutating func peek() -> Unicode.Scalar? {
      while position < characters.count, " \t\r\n\u{FEFF}".unicodeScalars.contains(characters[position]) {
        position += 1
      }
      return position < characters.count ? characters[position] : nil
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
      guard peek() == scalar else { return false }
      position += 1
      return true
    }

    private var line: Int { characters[..<position].count { $0 == "\n" } + 1 }

    private mutating func unexpected(_ expected: String) -> Failure {
      let found = peek().map { "'\($0)'" } ?? "the end"
      return failure("not JSON: expected \(expected), found \(found)")
    }

    private func failure(_ problem: String) -> Failure {
      let before = characters[..<min(position, characters.count)]
      let column = before.count - (before.lastIndex(of: "\n").map { $0 + 1 } ?? 0) + 1
      return Failure("line \(line), column \(column): \(problem)")
    }
  }
}
