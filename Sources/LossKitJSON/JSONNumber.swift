/// A number of JSON, as it is written and as the nearest double.
public struct JSONNumber: Sendable {
  /// The number as it is written.
  public let text: String
  /// The nearest double.
  public let double: Double

  /// A number that is written as `text`, which has to be a number of JSON, and whose nearest double is `double`.
  package init(text: String, double: Double) {
    self.text = text
    self.double = double
  }

  /// The number as an integer, such as 3, 3.0 and 3e0; nil where it is not whole or beyond the range of `Int`.
  public var integer: Int? { Int(text) ?? Int(exactly: double) }
}

extension JSONNumber: Equatable {
  /// Whether both are the same double.
  public static func == (first: JSONNumber, second: JSONNumber) -> Bool { first.double == second.double }
}

extension JSONNumber: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
  /// The number that a program writes as a literal.
  public init(integerLiteral value: Int) { self.init(text: "\(value)", double: Double(value)) }

  /// The number that a program writes as a literal, which is finite.
  public init(floatLiteral value: Double) { self.init(text: "\(value)", double: value) }
}
