package import LossKit

/// The description of a component, policy or objective.
package struct ComponentDescription {
  /// A column and its summary.
  package struct ColumnNote {
    package let column: Column
    package let summary: String
  }

  package let kind: PluginEntryDescription.Kind
  package let name, version, summary, citation, library: String
  /// The plugin's text, and its sections.
  package let documentation: String
  package var sections: Documentation { Documentation(documentation) }
  /// What it needs, each in a few words; empty if nothing is known.
  package private(set) var requirements: [String] = []
  package private(set) var parameters: [ParameterDescription] = []
  package private(set) var columns: [ColumnNote] = []
  /// Properties by name, and whether they hold.
  package private(set) var flags: [(name: String, holds: Bool)] = []
  /// A loss's parameterization if the objective names none.
  package private(set) var defaultReward: String?
  /// How many responses and references it takes; nil for a policy or an objective.
  package private(set) var responses, references: ClosedRange<Int>?
  /// The numbers it keeps from step to step, with their initial values.
  package private(set) var state: [(name: String, initial: Double)] = []
  /// The objective that a name stands for.
  package private(set) var expression: String?
  /// The formula and its gradient; nil if the library exports none.
  package private(set) var formula: FormulaTexts?
}

extension ComponentDescription {
  /// Describes a loss or a reward; `text` is its text in an objective, if that is not its name. Throws if its library cannot export its
  /// formula, or its default parameterization is missing.
  package init(_ component: LoadedComponent, text: String? = nil, in registry: PluginRegistry) throws {
    self.init(
      kind: component.kind == .loss ? .loss : .reward, name: component.name, version: component.version,
      summary: component.summary, citation: component.citation, documentation: component.documentation,
      library: component.library)
    parameters = component.parameters
    columns = zip(component.inputs, component.inputSummaries).map { ColumnNote(column: $0, summary: $1) }
    if component.kind == .loss {
      let readsReward = component.inputs.contains { $0.name == Column.reward.name }
      flags = [
        ("rowwise", component.isRowwise), ("shift_invariant", component.isShiftInvariant),
        ("absolute_rewards", readsReward && !component.isShiftInvariant),
      ]
      requirements = try Objective(text ?? component.name, in: registry).requirements
    } else {
      flags = [("zero_at_reference", component.isZeroAtReference)]
      requirements = component.requirements
    }
    flags.append(("numeric_gradient", component.hasNumericGradient))
    defaultReward = component.defaultReward
    responses = component.responses
    references = component.references
    state = zip(component.stateNames, component.initialState).map { ($0, $1) }
    formula = try FormulaTexts(component)
  }

  /// Describes a policy.
  package init(_ policy: LoadedPolicyType) {
    self.init(
      kind: .policy, name: policy.name, version: policy.version, summary: policy.summary, citation: policy.citation,
      documentation: policy.documentation, library: policy.library)
    parameters = policy.parameters
    columns = zip(policy.columns, policy.columnSummaries).map { ColumnNote(column: $0, summary: $1) }
    flags = [("trainable", policy.isTrainable), ("can_create", policy.canCreate)]
  }

  /// Describes a named objective. Throws if it does not resolve.
  package init(_ objective: LoadedObjective, in registry: PluginRegistry) throws {
    self.init(
      kind: .objective, name: objective.name, version: objective.version, summary: objective.summary,
      citation: objective.citation, documentation: objective.documentation, library: objective.library)
    expression = objective.expression.description
    requirements = try Objective(objective.name, in: registry).requirements
  }

  /// Describes an objective given as text.
  package init(_ objective: Objective, text: String) {
    self.init(kind: .objective, name: text, version: "", summary: "", citation: "", documentation: "", library: "")
    expression = objective.description
    requirements = objective.requirements
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
