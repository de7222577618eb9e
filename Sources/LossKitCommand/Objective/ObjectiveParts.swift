import LossKit
import LossKitRuntime

/// The losses and the reward that an objective's text names, before their hyperparameters are read.
struct ObjectiveParts {
  private(set) var components: [LoadedComponent] = []

  /// Looks up every name. A text that does not parse is a usage error; an unknown name is an unavailable plugin.
  init(_ text: String, reward: String?, in registry: PluginRegistry) throws {
    let expression = try blaming(.usage) { try ObjectiveExpression(parsing: text) }
    try add(expression, path: [], in: registry)
    if let reward {
      let named = try blaming(.usage) { try ObjectiveExpression(parsing: reward) }
      for term in named.terms { try addReward(term.component, of: named, in: registry) }
    }
    let hasReward = components.contains { $0.kind == .reward }
    for component in components where !hasReward {
      components += try blaming(.unavailable) { try [registry.defaultReward(of: component)].compactMap { $0 } }
    }
  }

  private mutating func add(_ expression: ObjectiveExpression, path: Set<String>, in registry: PluginRegistry) throws {
    for term in expression.terms {
      guard case .name(let name) = term.component.body else {
        components.append(try formula(term.component, as: .loss, in: expression))
        continue
      }
      if path.contains(name) { continue }
      switch try blaming(.unavailable, { try registry.term(named: name) }) {
      case .loss(let loss): components.append(loss)
      case .objective(let objective): try add(objective.expression, path: path.union([name]), in: registry)
      }
    }
    if let reward = expression.reward { try addReward(reward, of: expression, in: registry) }
  }

  private mutating func addReward(
    _ reward: ObjectiveExpression.Component, of expression: ObjectiveExpression, in registry: PluginRegistry
  ) throws {
    guard case .name(let name) = reward.body else {
      components.append(try formula(reward, as: .reward, in: expression))
      return
    }
    components.append(try blaming(.unavailable) { try registry.component(named: name, kind: .reward) })
  }

  private func formula(
    _ component: ObjectiveExpression.Component, as kind: LoadedComponent.Kind, in expression: ObjectiveExpression
  ) throws -> LoadedComponent {
    try blaming(.usage) { try FormulaText(component, as: kind, in: expression).component() }
  }
}
