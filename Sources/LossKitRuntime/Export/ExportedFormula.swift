import LossKit

/// An objective or a component as nodes: values, gradients and states, with the hyperparameters as symbols.
///
/// It is what every format is written from. Gradients are those of Σ cotangent · output, summed over the batch.
struct ExportedFormula {
  /// A hyperparameter that the nodes read.
  struct Parameter {
    /// Unique, and an identifier of any language once it is escaped.
    var name: String
    let component: String
    let description: ParameterDescription
    /// The value it was exported with.
    let value: Double
  }

  /// Some nodes and what they give.
  struct Part {
    var graph: Graph
    /// The node of the derivative by each slot of each differentiable column that the outputs depend on.
    var gradients: [(slot: InputSlot, node: Int)]
    /// The outputs alone, as they were written, stops of gradients included.
    var source: Graph
  }

  /// What the outputs of `main` are.
  enum Kind: String {
    /// A loss per prompt, and behind it the rewards of the responses, whose cotangents are 0.
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
  /// What a function is called.
  let name: String
  let responses, references: Int
  let isRowwise: Bool
  /// All columns; the last one is the sum over tokens where there is a part for them.
  let columns: [Column]
  private(set) var parameters: [Parameter]
  let states: [(name: String, initial: Double)]
  /// Over prompts.
  private(set) var main: Part?
  /// Over tokens: what a token adds to its response's reward, which is the column `tokenSum` of `main`.
  private(set) var tokens: Part?
  /// The column of `main` that the tokens are summed to.
  let tokenSum: Int?

  /// Whether some node takes random numbers.
  var isRandom: Bool {
    [main, tokens].compactMap { $0 }.contains { part in
      part.graph.nodes.contains { $0.operation == .uniform || $0.operation == .tokenRandomRank }
    }
  }
}

extension ExportedFormula {
  /// An objective, its losses and its reward in one.
  ///
  /// `keepsStops`: whether nodes that stop gradients stay, for a language that can differentiate the gradients once more.
  init(_ objective: Objective, responses: Int?, references: Int?, keepsStops: Bool = false) throws {
    let parts = objective.terms.map(\.loss) + (objective.reward.map { [$0] } ?? [])
    let shape = try Self.shape(
      objective.responses, least: objective.referenceCount, responses: responses, references: references)
    let composition = try ObjectiveComposition(terms: objective.terms, reward: objective.reward)
    let rewardGraph = try objective.reward.map { try Self.formula(of: $0, shape) }
    let isTokenwise = rewardGraph?.rows == .token
    for part in objective.terms.map(\.loss) {
      let graph = try Self.formula(of: part, shape)
      guard !isTokenwise || !Self.readsMismatched(graph, part) else {
        throw Failure(
          "\(part.component.name): the rewards of mismatched responses as sums over tokens cannot be exported; "
            + "take a parameterization per response, such as log-ratio")
      }
    }
    kind = .objective
    title = objective.description
    hash = objective.hash
    name = Self.identifier(objective.terms.map(\.loss.component.name).joined(separator: "_"))
    (self.responses, self.references) = shape
    isRowwise = objective.isRowwise
    columns = objective.columns + (isTokenwise ? [Column.reward] : [])
    tokenSum = isTokenwise ? objective.columns.count : nil
    parameters = parts.flatMap { part in
      zip(part.component.parameters, part.values).map {
        Parameter(name: $0.name, component: part.component.name, description: $0, value: $1)
      }
    }
    states = objective.terms.flatMap { term in
      zip(term.loss.component.stateNames, term.loss.component.initialState).map { ($0, $1) }
    }
    let graph = try composition.symbolicGraph(
      responses: shape.responses, references: shape.references, rewardColumn: tokenSum)
    let prompts = Self.differentiated(graph, columns: columns, outputs: 1, keepsStops: keepsStops)
    main = prompts
    if isTokenwise, let reward = objective.reward, let graph = rewardGraph {
      let offset = objective.terms.reduce(0) { $0 + $1.loss.values.count }
      let placed = try Self.placed(graph, of: reward.component, columns: columns, parameterOffset: offset)
      // Where the losses have no derivative by the rewards, no gradient reaches the tokens.
      let isReached = prompts.gradients.contains { $0.slot.column == tokenSum }
      tokens = Self.differentiated(placed, columns: isReached ? columns : [], keepsStops: keepsStops)
    }
    nameParameters()
  }

  /// A component alone: a loss over rewards, or a reward.
  init(
    _ component: LoadedComponent, values: [Double], responses: Int?, references: Int?, keepsStops: Bool = false
  ) throws {
    let part = Objective.Part(component: component, values: values)
    let shape = try Self.shape(
      component.responses, least: component.references.lowerBound, responses: responses, references: references)
    let graph = try Self.formula(of: part, shape)
    kind = component.kind == .loss ? .loss : .reward
    title = part.description
    hash = nil
    name = Self.identifier(component.name)
    (self.responses, self.references) = shape
    isRowwise = graph.isRowwise
    parameters = zip(component.parameters, values).map {
      Parameter(name: $0.name, component: component.name, description: $0, value: $1)
    }
    states = zip(component.stateNames, component.initialState).map { ($0, $1) }
    let used = Set(graph.inputs(of: graph.outputs + graph.stateOutputs).map(\.column))
    let read = component.inputs.indices.filter(used.contains).map { component.inputs[$0] }
    columns = read + (graph.rows == .token ? [Column.reward] : [])
    tokenSum = graph.rows == .token ? read.count : nil
    let own = Self.differentiated(
      try Self.placed(graph, of: component, columns: columns, parameterOffset: 0), columns: columns,
      keepsStops: keepsStops)
    if graph.rows == .token { tokens = own } else { main = own }
    nameParameters()
  }

  // MARK: Shape

  /// The most responses, and the most references: what is written grows with them.
  private static let most = 1024

  private static func shape(
    _ range: ClosedRange<Int>, least: Int, responses: Int?, references: Int?
  ) throws -> (responses: Int, references: Int) {
    let count = responses ?? min(max(range.lowerBound, 2), range.upperBound)
    guard range.contains(count) else {
      let words =
        range.upperBound == Int.max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
      throw Failure("export: \(count) responses were asked for; this takes \(words)")
    }
    let referenceCount = references ?? max(least, 1)
    guard referenceCount >= least, referenceCount >= 1 else {
      throw Failure("export: \(referenceCount) references were asked for; this compares \(least)")
    }
    for (number, what) in [(count, "responses"), (referenceCount, "references")] where number > most {
      throw Failure("export: \(number) \(what) were asked for; \(most) is the most")
    }
    return (count, referenceCount)
  }

  private static func formula(of part: Objective.Part, _ shape: (responses: Int, references: Int)) throws -> Graph {
    let graph = try part.component.formula(
      responses: shape.responses, references: shape.references, values: part.values)
    guard let graph else {
      throw Failure(
        "\(part.component.name): its library exports no formula, so there is nothing to write in another language")
    }
    return graph
  }

  private static func readsMismatched(_ graph: Graph, _ part: Objective.Part) -> Bool {
    graph.inputs(of: graph.outputs).contains {
      part.component.inputs[$0.column].name == ObjectiveComposition.mismatched + Column.reward.name
    }
  }

  // MARK: Nodes

  /// A component's graph over the columns of the whole.
  private static func placed(
    _ graph: Graph, of component: LoadedComponent, columns: [Column], parameterOffset: Int
  ) throws -> Graph {
    var builder = GraphBuilder()
    let places = try builder.append(graph, reaching: graph.outputs + graph.stateOutputs) { node, builder in
      switch node.operation {
      case .parameter: return builder.insert(GraphNode(.parameter, a: node.a + parameterOffset))
      case .input:
        let name = component.inputs[node.a].name
        guard let column = columns.firstIndex(where: { $0.name == name }) else {
          throw Failure("\(component.name): column '\(name)' is read for some numbers of responses only")
        }
        return builder.insert(GraphNode(.input, a: column, b: node.b))
      default: return nil
      }
    }
    var placed = graph
    placed.nodes = builder.nodes
    placed.outputs = graph.outputs.map { places[$0] }
    placed.stateOutputs = graph.stateOutputs.map { places[$0] }
    return placed
  }

  /// The graph with the derivatives of its first `outputs` outputs (nil: all) by the differentiable ones of `columns`, which may
  /// be fewer than the graph reads, and no node that nothing needs.
  private static func differentiated(
    _ source: Graph, columns: [Column], outputs: Int? = nil, keepsStops: Bool
  ) -> Part {
    var builder = GraphBuilder()
    let places = builder.append(source, reaching: source.outputs + source.stateOutputs)
    let results = source.outputs.map { places[$0] }
    let differentiated = Array(results.prefix(outputs ?? results.count))
    let cotangents = differentiated.indices.map { builder.insert(GraphNode(.cotangent, a: $0)) }
    let derivatives = builder.differentiate(outputs: differentiated, cotangents: cotangents)
    var gradients: [(slot: InputSlot, node: Int)] = []
    for slot in source.inputs(of: source.outputs)
    where slot.column < columns.count && columns[slot.column].isDifferentiable {
      let input = builder.insert(GraphNode(.input, a: slot.column, b: slot.slot))
      if input < derivatives.count, let node = derivatives[input] { gradients.append((slot, node)) }
    }
    gradients.sort { ($0.slot.column, $0.slot.slot) < ($1.slot.column, $1.slot.slot) }
    var graph = source
    graph.nodes = builder.nodes
    graph.outputs = results
    graph.stateOutputs = source.stateOutputs.map { places[$0] }
    return Part(graph: graph, gradients: gradients, source: source).simplified(keepsStops: keepsStops)
  }

  /// Keeps the hyperparameters that are read, each under a name of its own.
  private mutating func nameParameters() {
    let parts = [main, tokens].compactMap { $0 }
    let used = Set(parts.flatMap { $0.graph.nodes.filter { $0.operation == .parameter }.map(\.a) })
    let kept = parameters.indices.filter(used.contains)
    let places = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, $0) })
    main?.renumberParameters(places)
    tokens?.renumberParameters(places)
    parameters = kept.map { parameters[$0] }
    var taken = Set(columns.map(\.name) + states.map(\.name) + [Column.reward.name])
    let plain = parameters.map(\.name)
    for index in parameters.indices {
      let isUnique = plain.count { $0 == plain[index] } == 1 && !taken.contains(plain[index])
      let long = Self.identifier(parameters[index].component) + "_" + plain[index]
      let candidates = (isUnique ? [plain[index]] : []) + [long] + (2...parameters.count + 2).map { "\(long)_\($0)" }
      parameters[index].name = candidates.first { !taken.contains($0) } ?? long
      taken.insert(parameters[index].name)
    }
  }

  private static func identifier(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }
}
