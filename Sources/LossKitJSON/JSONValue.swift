/// Any JSON value.
public enum JSONValue: Sendable, Equatable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number.
  case number(JSONNumber)
  /// A string.
  case string(String)
  /// An array.
  case array([JSONValue])
  /// An object.
  case object(JSONObject)

  /// A number that reads back as the same double, or null if the value is not finite, which JSON cannot represent.
  public static func number(_ value: Double) -> JSONValue {
    value.isFinite ? .number(JSONNumber(text: "\(value)", double: value)) : .null
  }

  /// An integer.
  public static func number(_ value: Int) -> JSONValue {
    .number(JSONNumber(text: "\(value)", double: Double(value)))
  }

  /// An object with unique keys in this order.
  public static func object(_ members: [(String, JSONValue)]) -> JSONValue { .object(JSONObject(members)) }

  /// The kind of the value with its article, for messages: "a number".
  public var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }
}

// The content of a value of one kind; nil for other kinds.
extension JSONValue {
  /// True or false.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The nearest double of a number.
  public var double: Double? { if case .number(let number) = self { number.double } else { nil } }
  /// A whole number.
  public var integer: Int? { if case .number(let number) = self { number.integer } else { nil } }
  /// A string.
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  /// The elements of an array.
  public var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
  /// The members of an object.
  public var object: JSONObject? { if case .object(let members) = self { members } else { nil } }
}
