import LossKit

/// A value in an objective or a setting, before its hyperparameter is known.
public enum ParameterValue: Sendable, Equatable, CustomStringConvertible {
  /// A finite number.
  case number(Double)
  /// true or false.
  case boolean(Bool)
  /// Any other word: the name of a choice.
  case word(String)

  /// The value as text; `ParameterDescription.parse` parses it.
  public var description: String {
    switch self {
    case .number(let value): roundTripDecimal(value)
    case .boolean(let value): value ? "true" : "false"
    case .word(let word): word
    }
  }
}
