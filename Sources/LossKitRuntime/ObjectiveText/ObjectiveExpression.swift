public import LossKit

/// An objective as it was written: `0.5*dpo(beta=0.1) + sft @ log-ratio`, taken apart but not yet looked up.
///
///     objective = term {"+" term} ["@" component]
///     term      = [number "*"] component
///     component = (name | "{" formula "}") ["(" key "=" value {"," key "=" value} ")"]
///
/// White space is free. Columns count the characters of the text from 1 on.
public struct ObjectiveExpression: Sendable, Equatable {
  /// One summand.
  public struct Term: Sendable, Equatable {
    /// What the loss is multiplied by; positive, 1 where none is written.
    public let weight: Double
    /// The loss or named objective.
    public let component: Component
  }

  /// Something by name or by formula, with the values it is given.
  public struct Component: Sendable, Equatable {
    /// What it is called without its values: the name, or the formula in braces.
    public var name: String {
      switch body {
      case .name(let name): name
      case .formula(let text, _): "{\(text)}"
      }
    }

    /// What a component is.
    public enum Body: Sendable, Equatable {
      /// The name of a loss, a named objective or a reward.
      case name(String)
      /// The text between braces, and the column at which it begins.
      case formula(String, column: Int)
    }

    /// What it is.
    public let body: Body
    /// The values it is given, each key once.
    public let arguments: [Argument]
    /// Where it begins.
    public let column: Int
  }

  /// A hyperparameter's value.
  public struct Argument: Sendable, Equatable {
    /// The name of the hyperparameter.
    public let key: String
    /// The value.
    public let value: ParameterValue
    /// Where the key begins.
    public let keyColumn: Int
    /// Where the value begins.
    public let valueColumn: Int
  }

  /// The summands, one at least.
  public let terms: [Term]
  /// The parameterization that all terms are bound to, where one is written.
  public let reward: Component?
  /// The text it was read from.
  public let text: String

  /// Reads an objective. Throws for a text that is none, with the column and what was expected there.
  public init(parsing text: String) throws {
    var parser = try ExpressionParser(text)
    self = try parser.parse()
  }

  init(terms: [Term], reward: Component?, text: String) {
    self.terms = terms
    self.reward = reward
    self.text = text
  }

  /// A failure about a place of the text, shown with a mark under it: for what only comes to light when names are looked up.
  public func failure(_ problem: String, at column: Int) -> Failure {
    do {
      return try TextScanner(text, subject: ExpressionParser.subject).failure(problem, at: column)
    } catch {
      return Failure("\(ExpressionParser.subject), column \(column): \(problem)")
    }
  }
}

extension ObjectiveExpression: CustomStringConvertible {
  /// The objective in its canonical form, which reads back as the same one.
  public var description: String {
    let sum = terms.map(\.description).joined(separator: " + ")
    return reward.map { "\(sum) @ \($0)" } ?? sum
  }
}

extension ObjectiveExpression.Term: CustomStringConvertible {
  /// The term in its canonical form; a weight of 1 is not written.
  public var description: String {
    weight == 1 ? component.description : "\(roundTripDecimal(weight))*\(component)"
  }
}

extension ObjectiveExpression.Component: CustomStringConvertible {
  /// The component in its canonical form; values in the order in which they were written.
  public var description: String {
    guard !arguments.isEmpty else { return name }
    return name + "(" + arguments.map { "\($0.key)=\($0.value)" }.joined(separator: ", ") + ")"
  }
}
