import LossKit
package import LossKitJSON
import LossKitSource

extension ComponentDescription {
  /// The description as JSON.
  package var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("kind", .string(kind.rawValue)), ("name", .string(name)), ("version", .string(version)),
      ("summary", .string(summary)), ("citation", .string(citation)), ("documentation", .string(documentation)),
      ("library", .string(library)),
    ]
    members += [
      ("published", sections.published), ("neighbors", sections.neighbors), ("elsewhere", sections.elsewhere),
      ("verified", sections.verification),
    ].map { ($0.0, $0.1.map(JSONValue.string) ?? .null) }
    if kind != .policy { members.append(("needs", .array(requirements.map(JSONValue.string)))) }
    if let expression { members.append(("expression", .string(expression))) }
    if kind != .objective {
      members.append((kind == .policy ? "options" : "hyperparameters", .array(parameters.map(\.json))))
      members.append(("columns", .array(columns.map(\.json))))
      members.append(("flags", .object(flags.map { ($0.name, .bool($0.holds)) })))
    }
    if kind == .loss { members.append(("default_reward", defaultReward.map(JSONValue.string) ?? .null)) }
    if let responses { members.append(("responses", json(responses))) }
    if let references { members.append(("references", json(references))) }
    if kind == .loss { members.append(("state", .object(state.map { ($0.name, .number($0.initial)) }))) }
    if kind == .loss || kind == .reward { members.append(("formula", formula?.json ?? .null)) }
    return .object(members)
  }

  /// The least and the largest number; null if there is no limit.
  private func json(_ range: ClosedRange<Int>) -> JSONValue {
    .array([.number(range.lowerBound), range.upperBound == Int.max ? .null : .number(range.upperBound)])
  }
}

extension ParameterDescription {
  fileprivate var json: JSONValue {
    let kindName: JSONValue =
      switch kind {
      case .real: .string("real")
      case .integer: .string("integer")
      case .boolean: .string("boolean")
      case .choice: .string("choice")
      }
    let initial: JSONValue =
      switch kind {
      case .real: .number(self.initial)
      case .integer: .number(Int(self.initial))
      case .boolean: .bool(self.initial != 0)
      case .choice: .string(format(self.initial))
      }
    var members: [(String, JSONValue)] = [
      ("name", .string(name)), ("symbol", .string(symbol)), ("summary", .string(summary)), ("kind", kindName),
      ("default", initial),
    ]
    switch kind {
    case .real, .integer:
      members += [
        ("minimum", bounds.lower.isFinite ? .number(bounds.lower) : .null),
        ("maximum", bounds.upper.isFinite ? .number(bounds.upper) : .null),
        ("minimum_excluded", .bool(bounds.isLowerOpen)), ("maximum_excluded", .bool(bounds.isUpperOpen)),
      ]
    case .choice: members.append(("choices", .array(choices.map(JSONValue.string))))
    case .boolean: break
    }
    return .object(members + [("scales_rewards", .bool(isRewardScale))])
  }
}

extension ComponentDescription.ColumnNote {
  fileprivate var json: JSONValue {
    .object([
      ("name", .string(column.name)), ("per", .string("\(column.extent)")), ("summary", .string(summary)),
      ("differentiable", .bool(column.isDifferentiable)), ("optional", .bool(column.isOptional)),
      ("per_reference", .bool(column.isPerReference)),
    ])
  }
}

extension FormulaTexts {
  fileprivate var json: JSONValue {
    .object([
      ("responses", .number(responses)), ("plain", Self.json(plain)), ("latex", Self.json(latex)),
    ])
  }

  private static func json(_ formula: FormulaDescription) -> JSONValue {
    .object([
      ("definitions", .object(formula.definitions.map { ($0.name, .string($0.text)) })),
      ("value", .string(formula.value)),
      ("gradient", .object(formula.gradient.map { ($0.name, .string($0.text)) })),
    ])
  }
}
