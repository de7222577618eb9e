/// Any JSON value.
public enum JSONValue: Sendable, Equatable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number, as the nearest double.
  case number(Double)
  /// A string.
  case string(String)
  /// An array.
  case array([JSONValue])
  /// An object; of a key that is there twice, one value.
  case object([String: JSONValue])

  /// What it is, with its article, for messages: "a number".
  public var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a Boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }
}

extension JSONValue: Decodable {
  /// Decodes whatever stands there; throws what the decoder throws.
  public init(from decoder: any Decoder) throws {
    // Numbers and strings first: nearly every value in a data file is one of them, and a wrong guess costs an error.
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let number = try Self.attempt(Double.self, in: value) {
      self = .number(number)
    } else if let text = try Self.attempt(String.self, in: value) {
      self = .string(text)
    } else if let elements = try Self.attempt([JSONValue].self, in: value) {
      self = .array(elements)
    } else if let members = try Self.attempt([String: JSONValue].self, in: value) {
      self = .object(members)
    } else {
      self = .bool(try value.decode(Bool.self))
    }
  }

  /// The value if it is of this type; a number that no double holds and the like are thrown.
  private static func attempt<T: Decodable>(_ type: T.Type, in value: any SingleValueDecodingContainer) throws -> T? {
    do {
      return try value.decode(type)
    } catch DecodingError.typeMismatch {
      return nil
    }
  }
}
