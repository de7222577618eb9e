import LossKit

/// A hyperparameter set outside the objective: `beta=0.1`, or `dpo.beta=0.1` if several terms have a beta.
public struct Setting: Sendable, Equatable, CustomStringConvertible {
  /// The component it refers to; nil to find the only one with that hyperparameter.
  public let component: String?
  /// The name of the hyperparameter.
  public let key: String
  /// The value.
  public let value: ParameterValue

  /// Parses a setting. Throws for an invalid text, with the column and what was expected there.
  public init(parsing text: String) throws {
    var scanner = try TextScanner(text, subject: "setting")
    if text.prefix(while: { $0 != "=" }).contains(".") {
      component = try scanner.takeComponentName("the name of a component")
      try scanner.expect(".")
    } else {
      component = nil
    }
    key = try scanner.takeKey()
    try scanner.expect("=", or: " behind '\(key)'")
    value = try scanner.takeValue()
    guard scanner.peek() == nil else { throw scanner.unexpected("the end") }
  }

  /// The setting in canonical form.
  public var description: String { (component.map { "\($0)." } ?? "") + "\(key)=\(value)" }
}
