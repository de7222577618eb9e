import LossKit
import LossKitJSON

/// An object of a tokenizer.json, with its place for messages.
struct TokenizerPart {
  /// The path of the file and the keys that lead to the object.
  let place: String
  let object: JSONObject

  /// Throws unless the value is an object.
  init(_ value: JSONValue, place: String) throws {
    guard let object = value.object else { throw Failure("\(place) is \(value.kindName) instead of an object") }
    self.place = place
    self.object = object
  }

  /// A value of `type`, or of another key, that LossKit does not know.
  func unsupported(_ what: String, known: String? = nil) -> Failure {
    Failure("\(place): \(what) is not supported\(known.map { "; supported are \($0)" } ?? "")")
  }

  /// The value of `type`.
  var type: String { get throws { try string("type") } }

  private func value(_ key: String) -> JSONValue? {
    guard let value = object[key], value != .null else { return nil }
    return value
  }

  private func wrong(_ key: String, _ value: JSONValue?, expected: String) -> Failure {
    Failure("\(place): '\(key)' is \(value?.kindName ?? "missing") instead of \(expected)")
  }

  /// The object of a key; nil if it is missing or null.
  func part(_ key: String) throws -> TokenizerPart? {
    try value(key).map { try TokenizerPart($0, place: "\(place): \(key)") }
  }

  /// The list of a key; empty if it is missing or null.
  func list(_ key: String) throws -> [JSONValue] {
    guard let value = value(key) else { return [] }
    guard let list = value.array else { throw wrong(key, value, expected: "a list") }
    return list
  }

  /// The list of objects of a key.
  func parts(_ key: String) throws -> [TokenizerPart] {
    try list(key).enumerated().map { try TokenizerPart($1, place: "\(place): \(key)[\($0)]") }
  }

  /// The string of a key; nil if it is missing or null.
  func optionalString(_ key: String) throws -> String? {
    guard let value = value(key) else { return nil }
    guard let string = value.string else { throw wrong(key, value, expected: "a string") }
    return string
  }

  /// The string of a key.
  func string(_ key: String) throws -> String {
    guard let string = try optionalString(key) else { throw wrong(key, nil, expected: "a string") }
    return string
  }

  /// True or false; nil if the key is missing or null.
  func bool(_ key: String) throws -> Bool? {
    guard let value = value(key) else { return nil }
    guard let bool = value.bool else { throw wrong(key, value, expected: "true or false") }
    return bool
  }

  /// A whole number of at least 0.
  func integer(_ key: String) throws -> Int {
    guard let number = value(key)?.integer, number >= 0 else {
      throw wrong(key, value(key), expected: "a whole number")
    }
    return number
  }

  /// The number of a token.
  func token(_ key: String) throws -> Int32 { try Self.token(value(key), "\(place): '\(key)'") }

  /// The number of a token.
  static func token(_ value: JSONValue?, _ place: @autoclosure () -> String) throws -> Int32 {
    guard let number = value?.integer, let token = Int32(exactly: number), token >= 0 else {
      throw Failure("\(place()) is no number of a token; tokens are numbered from 0 to \(Int32.max)")
    }
    return token
  }

  /// The text of a pattern that is no regular expression.
  func literalPattern() throws -> [UInt8] {
    guard let pattern = try part("pattern"), let text = try pattern.optionalString("String"), !text.isEmpty else {
      throw unsupported("a pattern that is a regular expression")
    }
    return Array(text.utf8)
  }

  /// A regular expression; a literal text is one that matches it.
  func regularPattern() throws -> String {
    guard let pattern = try part("pattern") else { throw wrong("pattern", nil, expected: "an object") }
    if let text = try pattern.optionalString("Regex") { return text }
    let literal = try pattern.string("String")
    return literal.unicodeScalars.map {
      $0.properties.isAlphabetic || $0.value >= 0x80 ? String($0) : "\\x{\(String($0.value, radix: 16))}"
    }
    .joined()
  }
}
