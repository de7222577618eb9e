public import LossKit

/// A parsed objective, whose names have not been looked up: `0.5*dpo(beta=0.1) + sft @ log-ratio`.
///
///     objective = term {"+" term} ["@" component]
///     term      = [number "*"] component
///     component = (name | "{" formula "}") ["(" key "=" value {"," key "=" value} ")"]
///
/// White space is ignored. Columns count the characters of the text from 1.
public struct ObjectiveExpression: Sendable, Equatable {
  /// One summand.
  public struct Term: Sendable, Equatable {
    /// The factor on the loss; positive, 1 by default.
    public let weight: Double
    /// The loss or named objective.
    public let component: Component
  }

  /// A component, given by name or formula, with its values.
  public struct Component: Sendable, Equatable {
    /// The component without its values: the name, or the formula in braces.
    public var name: String {
      switch body {
      case .name(let name): name
      case .formula(let text, _): "{\(text)}"
      }
    }

    /// A name or a formula.
    public enum Body: Sendable, Equatable {
      /// The name of a loss, a named objective or a reward.
      case name(String)
      /// The text between braces, and the column at which it starts.
      case formula(String, column: Int)
    }

    /// The name or formula.
    public let body: Body
    /// The given values, each key once.
    public let arguments: [Argument]
    /// The column at which it starts.
    public let column: Int
  }

  /// A hyperparameter's value.
  public struct Argument: Sendable, Equatable {
    /// The name of the hyperparameter.
    public let key: String
    /// The value.
    public let value: ParameterValue
    /// The column at which the key starts.
    public let keyColumn: Int
    /// The column at which the value starts.
    public let valueColumn: Int
  }

  /// The summands, at least one.
  public let terms: [Term]
  /// The parameterization of all terms, if given.
  public let reward: Component?
  /// The text that was parsed.
  public let text: String

  /// Parses an objective. Throws for an invalid text, with the column and what was expected there.
  public init(parsing text: String) throws {
    var parser = try ExpressionParser(text)
    self = try parser.parse()
  }

  init(terms: [Term], reward: Component?, text: String) {
    self.terms = terms
    self.reward = reward
    self.text = text
  }

  /// A failure at a place in the text, shown with a mark under it: for errors found when names are looked up.
  public func failure(_ problem: String, at column: Int) -> Failure {
    do {
      return try TextScanner(text, subject: ExpressionParser.subject).failure(problem, at: column)
    } catch {
      return Failure("\(ExpressionParser.subject), column \(column): \(problem)")
    }
  }
}

extension ObjectiveExpression: CustomStringConvertible {
  /// The objective in canonical form, which parses to the same objective.
  public var description: String {
    let sum = terms.map(\.description).joined(separator: " + ")
    return reward.map { "\(sum) @ \($0)" } ?? sum
  }
}

extension ObjectiveExpression.Term: CustomStringConvertible {
  /// The term in canonical form; a weight of 1 is omitted.
  public var description: String {
    weight == 1 ? component.description : "\(roundTripDecimal(weight))*\(component)"
  }
}

extension ObjectiveExpression.Component: CustomStringConvertible {
  /// The component in canonical form; values in the order in which they were written.
  public var description: String {
    guard !arguments.isEmpty else { return name }
    return name + "(" + arguments.map { "\($0.key)=\($0.value)" }.joined(separator: ", ") + ")"
  }
}
