import LossKit
import LossKitRuntime

/// All that is to be told of a component, policy or objective, whatever it is.
struct Card {
  /// A column and what it is for.
  struct ColumnNote {
    let column: Column
    let summary: String
  }

  let kind: PluginEntryDescription.Kind
  let name, version, summary, citation, documentation, library: String
  var parameters: [ParameterDescription] = []
  var columns: [ColumnNote] = []
  /// Properties that hold or not, by name.
  var flags: [(name: String, holds: Bool)] = []
  /// The parameterization a loss goes by.
  var defaultReward: String?
  /// How many responses and references it takes; nil where that has no meaning.
  var responses, references: ClosedRange<Int>?
  /// The numbers it keeps from step to step, with their first values.
  var state: [(name: String, initial: Double)] = []
  /// The objective that a name stands for.
  var expression: String?
  /// The formula and its gradient; nil where the library exports none.
  var formula: FormulaTexts?
}

extension Card {
  /// Tells of a loss or a reward. Throws where its library cannot say its formula.
  init(_ component: LoadedComponent) throws {
    self.init(
      kind: component.kind == .loss ? .loss : .reward, name: component.name, version: component.version,
      summary: component.summary, citation: component.citation, documentation: component.documentation,
      library: component.library)
    parameters = component.parameters
    columns = zip(component.inputs, component.inputSummaries).map { ColumnNote(column: $0, summary: $1) }
    flags =
      component.kind == .loss
      ? [("rowwise", component.isRowwise), ("shift_invariant", component.isShiftInvariant)]
      : [("zero_at_reference", component.isZeroAtReference)]
    flags.append(("numeric_gradient", component.hasNumericGradient))
    defaultReward = component.defaultReward
    responses = component.responses
    references = component.references
    state = zip(component.stateNames, component.initialState).map { ($0, $1) }
    formula = try FormulaTexts(component)
  }

  /// Tells of a policy.
  init(_ policy: LoadedPolicyType) {
    self.init(
      kind: .policy, name: policy.name, version: policy.version, summary: policy.summary, citation: policy.citation,
      documentation: policy.documentation, library: policy.library)
    parameters = policy.parameters
    columns = zip(policy.columns, policy.columnSummaries).map { ColumnNote(column: $0, summary: $1) }
    flags = [("trainable", policy.isTrainable), ("can_create", policy.canCreate)]
  }

  /// Tells of a named objective.
  init(_ objective: LoadedObjective) {
    self.init(
      kind: .objective, name: objective.name, version: objective.version, summary: objective.summary,
      citation: objective.citation, documentation: objective.documentation, library: objective.library)
    expression = objective.expression.description
  }

  private init(
    kind: PluginEntryDescription.Kind, name: String, version: String, summary: String, citation: String,
    documentation: String, library: String
  ) {
    self.kind = kind
    self.name = name
    self.version = version
    self.summary = summary
    self.citation = citation
    self.documentation = documentation
    self.library = library
  }
}
