/// A component without its type.
///
/// Everything derived from a component goes through this type. Generic code over plugins' own types would make the Swift runtime search
/// all open libraries for conformances, once per type and plugin: half of the time it takes to open a plugin.
package struct ErasedComponent: Sendable {
  let name, version, summary, citation, documentation: String
  let defaultReward: String?
  let kind: ComponentKind
  let rows: Column.Extent
  let responses: ClosedRange<Int>
  private(set) var hyperparameters: [HyperparameterDescription] = []
  /// The default values of the hyperparameters.
  private(set) var defaults: [Double] = []
  private(set) var stateNames: [String] = []
  /// The values of the states before the first call; nil if not a constant.
  private(set) var initialState: [Double?] = []
  /// Runs the author's function with symbols for the symbolic hyperparameters and the given values for the others.
  let run:
    @Sendable (_ values: [Double], _ responses: Int, _ references: Int) -> (outputs: [Formula], states: [Formula])

  init<C: Component>(_ type: C.Type) {
    name = C.name
    version = C.version
    summary = C.summary
    citation = C.citation
    documentation = C.documentation
    defaultReward = C.defaultReward
    let form = C.form
    kind = form.kind
    rows = form.rows
    responses = form.responses
    run = { values, responses, references in Self.trace(C.self, values, responses, references) }
    let component = C()
    // Plain loops, not generic functions: see the type's comment.
    for hyperparameter in C.hyperparameters {
      hyperparameters.append(hyperparameter.description)
      defaults.append(hyperparameter.initial(component))
    }
    for state in C.state {
      stateNames.append(state.name)
      initialState.append(state.get(component).constantValue)
    }
  }

  /// Creates a component without a type from formulas with real hyperparameters, whose defaults are the given values.
  ///
  /// `formulas` makes the outputs for K responses and R references, with hyperparameters as `Formula.parameter`.
  package init(
    name: String, summary: String, kind: ComponentKind, rows: Column.Extent = .prompt, responses: ClosedRange<Int>,
    defaultReward: String?, parameters: [(name: String, value: Double, isRewardScale: Bool)],
    formulas: @escaping @Sendable (_ responses: Int, _ references: Int) -> [Formula]
  ) {
    self.name = name
    self.summary = summary
    self.kind = kind
    self.rows = rows
    self.responses = responses
    self.defaultReward = defaultReward
    version = "1"
    citation = ""
    documentation = ""
    hyperparameters = parameters.map { parameter in
      HyperparameterDescription(
        name: parameter.name, symbol: "", summary: "", kind: .real, bounds: .any,
        isRewardScale: parameter.isRewardScale, isSymbolic: true)
    }
    defaults = parameters.map(\.value)
    run = { _, responses, references in (formulas(responses, references), []) }
  }

  private static func trace<C: Component>(
    _ type: C.Type, _ values: [Double], _ responses: Int, _ references: Int
  ) -> (outputs: [Formula], states: [Formula]) {
    var component = C()
    var index = 0
    for hyperparameter in C.hyperparameters {
      hyperparameter.set(&component, hyperparameter.description.isSymbolic ? nil : values[index])
      index += 1
    }
    for state in C.state { state.setSymbol(&component) }
    let outputs = C.form.trace(&component, responses, references)
    var states: [Formula] = []
    for state in C.state { states.append(state.get(component)) }
    return (outputs, states)
  }
}
