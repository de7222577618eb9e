package import LossKit

/// An objective or a component as nodes: values, gradients and states, with hyperparameters as symbols.
///
/// Every export format is written from it. Gradients are those of Σ cotangent · output, summed over the batch.
package struct ExportedFormula {
  /// A hyperparameter that the nodes read.
  package struct Parameter {
    /// The name: unique, and after escaping an identifier in any language.
    package fileprivate(set) var name: String
    /// The component that declares it, and its name there.
    package let component, key: String
    /// The paper's symbol in LaTeX; the name if it has none.
    package let symbol: String
    /// The allowed values, as numbers and in words.
    package let bounds: Bounds
    package let range: String
    /// The value it was exported with.
    package let value: Double

    /// Creates a hyperparameter of a component.
    package init(_ key: String, of component: String, symbol: String, bounds: Bounds, range: String, value: Double) {
      name = key
      self.component = component
      self.key = key
      self.symbol = symbol
      self.bounds = bounds
      self.range = range
      self.value = value
    }
  }

  /// A graph and its results.
  struct Part {
    var graph: Graph
    /// The node of the derivative by each slot of each differentiable column that the outputs depend on.
    var gradients: [(slot: InputSlot, node: Int)]
    /// The outputs alone, as written, including gradient stops.
    var source: Graph
  }

  /// The outputs of `main`.
  package enum Kind: String {
    /// A loss per prompt, followed by the rewards of the responses, whose cotangents are 0.
    case objective
    /// A loss per prompt.
    case loss
    /// A reward per response.
    case reward
  }

  let kind: Kind
  /// The resolved objective, or the component with its values.
  let title: String
  /// The SHA-256 of the resolved objective.
  let hash: String?
  /// The name of the exported function.
  let name: String
  let responses, references: Int
  let isRowwise: Bool
  /// All columns; if there is a part over tokens, the last one is its sum.
  let columns: [Column]
  private(set) var parameters: [Parameter]
  let states: [(name: String, initial: Double)]
  /// The part over prompts.
  private(set) var main: Part?
  /// The part over tokens: the contribution of a token to its response's reward, which is the column `tokenSum` of
  /// `main`.
  private(set) var tokens: Part?
  /// The column of `main` that holds the sums over tokens.
  let tokenSum: Int?

  /// Whether a node draws random numbers.
  var isRandom: Bool {
    [main, tokens].compactMap { $0 }.contains { part in
      part.graph.nodes.contains { $0.operation == .uniform || $0.operation == .tokenRandomRank }
    }
  }
}

extension ExportedFormula {
  /// Creates a formula with its derivatives by the differentiable ones of `columns`.
  ///
  /// `main` is a graph over prompts, `tokens` one over tokens, whose sums by response `main` reads as the column after
  /// the last. Hyperparameter nodes index `parameters`. `keepsStops`: whether nodes that stop gradients are kept, for a
  /// language that can differentiate the gradients again.
  package init(
    _ kind: Kind, title: String, hash: String? = nil, name: String, responses: Int, references: Int, isRowwise: Bool,
    columns: [Column], parameters: [Parameter], states: [(name: String, initial: Double)], main: Graph?, tokens: Graph?,
    keepsStops: Bool
  ) {
    self.kind = kind
    self.title = title
    self.hash = hash
    self.name = Self.identifier(name)
    (self.responses, self.references) = (responses, references)
    self.isRowwise = isRowwise
    self.parameters = parameters
    self.states = states
    let tokenSum = tokens == nil ? nil : columns.count
    self.tokenSum = tokenSum
    let columns = columns + (tokens == nil ? [] : [Column.reward])
    self.columns = columns
    self.main = main.map {
      Part($0, differentiatedBy: columns, outputs: kind == .reward ? nil : 1, keepsStops: keepsStops)
    }
    // If the losses have no derivative by the rewards, no gradient reaches the tokens.
    let isReached = self.main?.gradients.contains { $0.slot.column == tokenSum } ?? true
    self.tokens = tokens.map { Part($0, differentiatedBy: isReached ? columns : [], keepsStops: keepsStops) }
    nameParameters()
  }

  /// Keeps the hyperparameters that are read, and gives each a unique name.
  private mutating func nameParameters() {
    let parts = [main, tokens].compactMap { $0 }
    let used = Set(parts.flatMap { $0.graph.nodes.filter { $0.operation == .parameter }.map(\.a) })
    let kept = parameters.indices.filter(used.contains)
    let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    main?.renumberParameters(places)
    tokens?.renumberParameters(places)
    parameters = kept.map { parameters[$0] }
    var taken = Set(columns.map(\.name) + states.map(\.name) + [Column.reward.name])
    let counts = Dictionary(grouping: parameters, by: \.name).mapValues(\.count)
    // The number that follows the last one behind each long name.
    var numbers: [String: Int] = [:]
    for index in parameters.indices {
      var name = parameters[index].name
      if counts[name] != 1 || taken.contains(name) {
        let long = Self.identifier(parameters[index].component) + "_" + name
        name = long
        while taken.contains(name) {
          let number = numbers[long] ?? 2
          name = "\(long)_\(number)"
          numbers[long] = number + 1
        }
      }
      parameters[index].name = name
      taken.insert(name)
    }
  }

  private static func identifier(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }
}
