import CLossKit
import LossKit

/// A loss or a reward parameterization written as text: `{-logsigmoid(beta * (chosen.reward -
/// rejected.reward))}(beta=0.1)`.
///
/// Columns have the plugin ABI's names after a prefix: `chosen.` and `rejected.` for a pair, `response.` for unpaired
/// feedback and for a reward, `responses[0].` and so on for a ranking, best first, and `token.` for a reward that is a
/// sum over tokens. Every other name is a hyperparameter, whose value follows the braces in parentheses; `beta` scales
/// the rewards in metrics.
public struct FormulaText: Sendable {
  /// What a formula computes.
  public enum Form: Sendable, Equatable {
    /// A loss of a chosen and a rejected response.
    case pair
    /// A loss of one response with a label.
    case response
    /// A loss of a ranking of this many responses.
    case ranking(Int)
    /// The reward of a response.
    case reward
    /// The contribution of one token to the reward of a response.
    case tokenReward
  }

  /// A hyperparameter and its value.
  public struct Parameter: Sendable, Equatable {
    /// The name.
    public let name: String
    /// The value given with the formula.
    public let value: Double
  }

  /// The formula in canonical form, without braces: white space and numbers are normalized.
  public let text: String
  /// What the formula computes.
  public let form: Form
  /// The hyperparameters in the order of their values.
  public let parameters: [Parameter]
  /// Whether it reads an implicit reward, and so requires a parameterization.
  public let readsReward: Bool
  private let code: FormulaCode

  /// Parses a formula in braces with its values, as written in an objective.
  ///
  /// Throws for an invalid formula, with its line and a mark under the character; unknown names come with the nearest
  /// ones.
  public init(parsing text: String, as kind: LoadedComponent.Kind = .loss) throws {
    let expression = try ObjectiveExpression(parsing: text)
    guard expression.terms.count == 1, expression.terms[0].weight == 1, expression.reward == nil,
      case .formula = expression.terms[0].component.body
    else { throw expression.failure("expected one formula in braces, and nothing else", at: 1) }
    try self.init(expression.terms[0].component, as: kind, in: expression)
  }

  /// Parses the formula of a component of an objective; errors are shown in the objective's text.
  public init(
    _ component: ObjectiveExpression.Component, as kind: LoadedComponent.Kind, in expression: ObjectiveExpression
  ) throws {
    guard case .formula(let text, let start) = component.body else {
      throw expression.failure("expected a formula in braces", at: component.column)
    }
    func failure(_ problem: String, _ column: Int) -> Failure {
      expression.failure(problem, at: start + column - 1)
    }
    let tokens = try FormulaToken.tokens(of: text, failure: failure)
    var parser = FormulaParser(
      tokens, kind: kind, parameters: Set(component.arguments.map(\.key)), failure: failure)
    try parser.parse()
    parameters = try component.arguments.map { argument in
      guard parser.usedParameters.contains(argument.key) else {
        throw expression.failure(
          unknownNameMessage(argument.key, kind: "hyperparameter of the formula", known: parser.usedParameters),
          at: argument.keyColumn)
      }
      guard case .number(let value) = argument.value else {
        throw expression.failure(
          "invalid value '\(argument.value)' for \(argument.key); expected a finite number", at: argument.valueColumn)
      }
      return Parameter(name: argument.key, value: value)
    }
    form = try Self.form(of: parser.columns, kind: kind, failure: failure)
    readsReward = parser.columns.contains { column, _ in
      if case .column(let column) = column.source { column.name.hasSuffix(Column.reward.name) } else { false }
    }
    self.text = tokens.canonicalText
    code = parser.code
  }

  private static func form(
    of columns: [(column: FormulaColumn, position: Int)], kind: LoadedComponent.Kind,
    failure: (_ problem: String, _ column: Int) -> Failure
  ) throws -> Form {
    guard let first = columns.first else {
      throw failure(
        kind == .loss
          ? "it reads no column; a loss is made of columns such as chosen.reward and rejected.reward"
          : "it reads no column; a reward is made of columns such as response.policy_logp", 1)
    }
    let form = Self.form(first.column.place, kind: kind)
    var responses = 0
    for (column, position) in columns {
      if case .rank(let rank) = column.place { responses = max(responses, rank + 1, 2) }
      guard let form, form == Self.form(column.place, kind: kind) else {
        throw failure(
          mixture(column.place, of: form.map { _ in first.column.place }, kind: kind), position)
      }
    }
    if form == .ranking(0) { return .ranking(responses) }
    return form ?? .pair
  }

  /// The form that a place belongs to; nil if it does not occur in this kind.
  private static func form(_ place: FormulaColumn.Place, kind: LoadedComponent.Kind) -> Form? {
    switch (place, kind) {
    case (.chosen, .loss), (.rejected, .loss): .pair
    case (.response, .loss): .response
    case (.rank, .loss): .ranking(0)
    case (.response, .reward): .reward
    case (.token, .reward): .tokenReward
    default: nil
    }
  }

  private static func mixture(
    _ place: FormulaColumn.Place, of first: FormulaColumn.Place?, kind: LoadedComponent.Kind
  ) -> String {
    if let first {
      return
        "'\(place.text)' does not go with '\(first.text)': chosen and rejected are a pair, response the one response of "
        + "unpaired feedback, responses[0] and so on a ranking, token a part of a reward"
    }
    return kind == .loss
      ? "tokens are known to a reward only, as in @ {token.policy_token_logp}; a loss reads what is per response"
      : "a reward is of one response: write response.policy_logp, or token.policy_token_logp"
  }
}

extension FormulaText {
  /// The formula as a component named "formula", with `log-ratio` as the default reward of a loss that reads one.
  public func component() throws -> LoadedComponent {
    let erased = ErasedComponent(
      name: "formula", summary: "A \(kind) that is given as text.", kind: kind == .loss ? .loss : .reward,
      rows: form == .tokenReward ? .token : .prompt, responses: responses,
      defaultReward: readsReward ? "log-ratio" : nil,
      parameters: parameters.map { ($0.name, $0.value, $0.name == "beta" && readsReward) },
      formulas: { [code, form] responses, _ in
        let count = form == .reward ? responses : 1
        return (0..<count).map { code.formula(responses: responses, index: $0) }
      })
    let memory = OwnedMemory()
    return try LoadedComponent(
      ComponentExport(erased).descriptor(in: memory), library: "the objective's text", text: text, owner: memory)
  }

  /// Whether it is a loss or a reward.
  public var kind: LoadedComponent.Kind {
    switch form {
    case .pair, .response, .ranking: .loss
    case .reward, .tokenReward: .reward
    }
  }

  private var responses: ClosedRange<Int> {
    switch form {
    case .pair: 2...2
    case .response: 1...1
    case .ranking(let count): count...count
    case .reward, .tokenReward: 1...Int.max
    }
  }
}

extension FormulaText: CustomStringConvertible {
  /// The formula in braces with its values, as written in an objective.
  public var description: String {
    let values = parameters.map { "\($0.name)=\(roundTripDecimal($0.value))" }.joined(separator: ", ")
    return "{\(text)}" + (values.isEmpty ? "" : "(\(values))")
  }
}
