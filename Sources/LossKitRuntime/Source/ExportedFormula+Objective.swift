import LossKit
import LossKitSource

extension ExportedFormula {
  /// Exports an objective, its losses and its reward in one.
  ///
  /// `keepsStops`: whether nodes that stop gradients are kept, for a language that can differentiate the gradients
  /// again.
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
    let states = objective.terms.flatMap { term in
      zip(term.loss.component.stateNames, term.loss.component.initialState).map { ($0, $1) }
    }
    let graph = try composition.symbolicGraph(
      responses: shape.responses, references: shape.references,
      rewardColumn: isTokenwise ? objective.columns.count : nil)
    var tokens: Graph?
    if isTokenwise, let reward = objective.reward, let graph = rewardGraph {
      let offset = objective.terms.reduce(0) { $0 + $1.loss.values.count }
      tokens = try Self.placed(graph, of: reward.component, columns: objective.columns, parameterOffset: offset)
    }
    self.init(
      .objective, title: objective.description, hash: objective.hash,
      name: objective.terms.map(\.loss.component.name).joined(separator: "_"), responses: shape.responses,
      references: shape.references, isRowwise: objective.isRowwise, columns: objective.columns,
      parameters: parts.flatMap(Self.parameters), states: states, main: graph, tokens: tokens, keepsStops: keepsStops)
  }

  /// Exports a component alone: a loss over rewards, or a reward.
  init(
    _ component: LoadedComponent, values: [Double], responses: Int?, references: Int?, keepsStops: Bool = false
  ) throws {
    let part = Objective.Part(component: component, values: values)
    let shape = try Self.shape(
      component.responses, least: component.references.lowerBound, responses: responses, references: references)
    let graph = try Self.formula(of: part, shape)
    let used = Set(graph.inputs(of: graph.outputs + graph.stateOutputs).map(\.column))
    let columns = component.inputs.indices.filter(used.contains).map { component.inputs[$0] }
    let placed = try Self.placed(graph, of: component, columns: columns, parameterOffset: 0)
    let isTokenwise = graph.rows == .token
    self.init(
      component.kind == .loss ? .loss : .reward, title: part.description, name: component.name,
      responses: shape.responses, references: shape.references, isRowwise: graph.isRowwise, columns: columns,
      parameters: Self.parameters(of: part),
      states: zip(component.stateNames, component.initialState).map { ($0, $1) }, main: isTokenwise ? nil : placed,
      tokens: isTokenwise ? placed : nil, keepsStops: keepsStops)
  }

  private static func parameters(of part: Objective.Part) -> [Parameter] {
    zip(part.component.parameters, part.values).map { parameter, value in
      Parameter(
        parameter.name, of: part.component.name, symbol: parameter.symbol, bounds: parameter.bounds,
        range: parameter.range, value: value)
    }
  }

  // MARK: Shape

  /// The largest number of responses, and of references: the source grows with them.
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

  /// A component's graph over the columns of the whole formula.
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
}
