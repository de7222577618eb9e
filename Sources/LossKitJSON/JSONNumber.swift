/// A JSON number: its text and the nearest double.
public struct JSONNumber: Sendable {
  /// The number as written.
  public let text: String
  /// The nearest double.
  public let double: Double

  /// Creates a number from `text`, a valid JSON number whose nearest double is `double`.
  package init(text: String, double: Double) {
    self.text = text
    self.double = double
  }

  /// The number as an integer, for texts such as 3, 3.0 and 3e0; nil if it is not an integer or out of the range of `Int`.
  public var integer: Int? { Int(text) ?? Int(exactly: double) }
}

extension JSONNumber: Equatable {
  /// Whether both have the same double.
  public static func == (first: JSONNumber, second: JSONNumber) -> Bool { first.double == second.double }
}

extension JSONNumber: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
  /// Creates a number from an integer literal.
  public init(integerLiteral value: Int) { self.init(text: "\(value)", double: Double(value)) }

  /// Creates a number from a floating-point literal, which must be finite.
  public init(floatLiteral value: Double) { self.init(text: "\(value)", double: value) }
}
