import LossKit
import LossKitRuntime

/// One component with the values of its hyperparameters, written like a term of an objective: `dpo(beta=0.1)`.
func resolvedComponent(
  _ text: String, _ kind: LoadedComponent.Kind, settings: [String], in registry: PluginRegistry
) throws -> (component: LoadedComponent, values: [Double]) {
  let expression = try blaming(.usage) { try ObjectiveExpression(parsing: text) }
  guard expression.terms.count == 1, expression.terms[0].weight == 1, expression.reward == nil else {
    throw CommandFailure(status: .usage, message: "'\(text)' is not one component; leave out '--component'")
  }
  let named = expression.terms[0].component
  guard case .name(let name) = named.body else {
    let component = try blaming(.usage) { try FormulaText(named, as: kind, in: expression).component() }
    return (component, component.parameters.map(\.initial))
  }
  let component = try blaming(.unavailable) { try registry.component(named: name, kind: kind) }
  var values = component.parameters.map(\.initial)
  try blaming(.usage) {
    let all = try (named.arguments.map { "\($0.key)=\($0.value)" } + settings).map { try Setting(parsing: $0) }
    let target = SettingTarget(name: name, parameters: component.parameters)
    for assignment in try Setting.assignments(all, among: [target]) {
      values[assignment.parameter] = assignment.value
    }
  }
  return (component, values)
}
