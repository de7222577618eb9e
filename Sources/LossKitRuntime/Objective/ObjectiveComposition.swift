import LossKit

/// What an objective's parts read and need together, and their one graph where all of them export formulas.
struct ObjectiveComposition {
  private let terms: [Objective.Term]
  private let reward: Objective.Part?
  let responses: ClosedRange<Int>
  let referenceCount: Int
  /// What the parts read of a batch.
  private(set) var columns: [Column] = []
  private let isTraceable: Bool
  /// Whether a prompt's loss depends on that prompt alone: as the formulas for these hyperparameters say, or the declarations.
  let isRowwise: Bool

  /// A reward's columns under this prefix belong to responses of other prompts.
  static let mismatched = "mismatched_"

  init(terms: [Objective.Term], reward: Objective.Part?) throws {
    self.terms = terms
    self.reward = reward
    let parts = terms.map(\.loss) + (reward.map { [$0] } ?? [])
    let lower = parts.map(\.component.responses.lowerBound).max() ?? 1
    let upper = parts.map(\.component.responses.upperBound).min() ?? Int.max
    guard lower <= upper else {
      let words = terms.map { "\($0.loss.component.name) takes \(Self.words($0.loss.component.responses))" }
      throw Failure("the terms want another number of responses each: \(words.joined(separator: ", "))")
    }
    responses = lower...upper
    referenceCount = parts.map(\.component.references.lowerBound).max() ?? 0

    let count = min(max(lower, 2), upper)
    let references = max(referenceCount, 1)
    let graphs = try parts.map {
      try $0.component.formula(responses: count, references: references, values: $0.values)
    }
    isTraceable = graphs.allSatisfy { $0.map { $0.rows == .prompt } ?? false }
    isRowwise = zip(parts, graphs).allSatisfy { part, graph in graph?.isRowwise ?? part.component.isRowwise }
    for (part, graph) in zip(parts, graphs) { try addColumns(of: part, graph: graph) }
    guard columns.count <= 64 else { throw Failure("the objective reads \(columns.count) columns; 64 is the most") }
  }

  private static func words(_ range: ClosedRange<Int>) -> String {
    if range.lowerBound == range.upperBound { return "\(range.lowerBound)" }
    return range.upperBound == Int.max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
  }

  private mutating func addColumns(of part: Objective.Part, graph: Graph?) throws {
    let used = graph.map { graph in Set(graph.inputs(of: graph.outputs).map(\.column)) }
    for (index, column) in part.component.inputs.enumerated() {
      // A formula says which of the declared columns these hyperparameters leave in use.
      if let used, !used.contains(index) { continue }
      switch column.name {
      case Column.reward.name: continue
      case Self.mismatched + Column.reward.name:
        for column in reward?.component.inputs ?? [] {
          try add(column.renamed(Self.mismatched + column.name), by: part.component.name, isRead: used != nil)
        }
      default: try add(column, by: part.component.name, isRead: used != nil)
      }
    }
  }

  private mutating func add(_ column: Column, by component: String, isRead: Bool) throws {
    let wanted = column.with(optional: column.isOptional && !isRead)
    guard let index = columns.firstIndex(where: { $0.name == column.name }) else {
      columns.append(wanted)
      return
    }
    let known = columns[index]
    guard known.extent == wanted.extent, known.isPerReference == wanted.isPerReference else {
      throw Failure("\(component) reads column '\(column.name)' per \(wanted.extent), another part per \(known.extent)")
    }
    columns[index] = Column(
      known.name, per: known.extent, differentiable: known.isDifferentiable || wanted.isDifferentiable,
      optional: known.isOptional && wanted.isOptional, perReference: known.isPerReference)
  }

  /// One program for all parts; nil where a part exports no formula, or is a sum over tokens.
  func evaluator(stateCount: Int) -> GraphEvaluator? {
    guard isTraceable else { return nil }
    let names = terms.map(\.loss.component.name).joined(separator: " + ")
    return GraphEvaluator(
      name: names, kind: .objective(hasReward: reward != nil), columns: columns, stateCount: stateCount,
      isStructural: [],
      trace: { responses, references, _ in
        try ObjectiveGraph(self, responses: responses, references: references).graph
      })
  }

  /// The one graph of all parts, in which hyperparameters stay symbols: those of the first term, of the next ones, of the reward.
  ///
  /// Where `rewardColumn` is given, losses read the rewards from a column of that index.
  func symbolicGraph(responses: Int, references: Int, rewardColumn: Int? = nil) throws -> Graph {
    try ObjectiveGraph(
      self, responses: responses, references: references, isSymbolic: true, rewardColumn: rewardColumn
    ).graph
  }

  /// Builds the one graph: the rewards, and the weighted losses over them.
  private struct ObjectiveGraph {
    private let composition: ObjectiveComposition
    private let responses, references: Int
    private let isSymbolic: Bool
    private var builder = GraphBuilder()
    private(set) var graph = Graph()

    init(
      _ composition: ObjectiveComposition, responses: Int, references: Int, isSymbolic: Bool = false,
      rewardColumn: Int? = nil
    ) throws {
      self.composition = composition
      self.responses = responses
      self.references = references
      self.isSymbolic = isSymbolic
      let rewards: [Int]
      if let rewardColumn {
        rewards = (0..<responses).map { builder.insert(GraphNode(.input, a: rewardColumn, b: $0)) }
      } else {
        rewards = try appendReward(prefix: "")
      }
      var total = builder.constant(0)
      var states: [Int] = []
      for (index, term) in composition.terms.enumerated() {
        let (loss, after) = try append(term.loss, index: index, stateOffset: states.count, rewards: rewards)
        states += after
        total = builder.add(.add, total, builder.add(.multiply, builder.constant(term.weight), loss))
      }
      graph.nodes = builder.nodes
      graph.outputs = [total] + rewards
      graph.stateOutputs = states
      graph.responses = responses
      graph.references = references
    }

    private mutating func appendReward(prefix: String) throws -> [Int] {
      guard let part = composition.reward else { return [] }
      let formula = try formula(of: part)
      let offset = symbolOffset(composition.terms.count)
      let places = try builder.append(formula, reaching: formula.outputs) { node, builder in
        try composition.leaf(
          node, of: part, prefix: prefix, stateOffset: 0, symbolOffset: offset,
          in: &builder)
      }
      return formula.outputs.map { places[$0] }
    }

    private mutating func append(
      _ part: Objective.Part, index: Int, stateOffset: Int, rewards: [Int]
    ) throws -> (loss: Int, states: [Int]) {
      var formula = try formula(of: part)
      // Statistics of different terms are different ones.
      for node in formula.nodes.indices where formula.nodes[node].operation.isBatch {
        formula.nodes[node].value += Double(index) * 0x1p24
      }
      let names = part.component.inputs.map(\.name)
      let readsMismatched = formula.inputs(of: formula.outputs + formula.stateOutputs)
        .contains { names[$0.column] == ObjectiveComposition.mismatched + Column.reward.name }
      let mismatched = readsMismatched ? try appendReward(prefix: ObjectiveComposition.mismatched) : []
      let offset = symbolOffset(index)
      let places = try builder.append(formula, reaching: formula.outputs + formula.stateOutputs) { node, builder in
        if node.operation == .input {
          if names[node.a] == Column.reward.name { return rewards[node.b] }
          if names[node.a] == ObjectiveComposition.mismatched + Column.reward.name { return mismatched[node.b] }
        }
        return try composition.leaf(
          node, of: part, prefix: "", stateOffset: stateOffset, symbolOffset: offset, in: &builder)
      }
      return (places[formula.outputs[0]], formula.stateOutputs.map { places[$0] })
    }

    /// The number of the first hyperparameter of a term, or of the reward behind all terms; nil where they are numbers.
    private func symbolOffset(_ part: Int) -> Int? {
      isSymbolic ? composition.terms.prefix(part).reduce(0) { $0 + $1.loss.values.count } : nil
    }

    private func formula(of part: Objective.Part) throws -> Graph {
      let formula = try part.component.formula(responses: responses, references: references, values: part.values)
      guard let formula, formula.outputs.count == (part.component.kind == .loss ? 1 : responses) else {
        throw Failure("\(part.component.name): its formula for \(responses) responses is not there")
      }
      return formula
    }
  }

  /// What a part's symbol is in the whole: a number for a hyperparameter, the batch's column for a column.
  private func leaf(
    _ node: GraphNode, of part: Objective.Part, prefix: String, stateOffset: Int, symbolOffset: Int?,
    in builder: inout GraphBuilder
  ) throws -> Int? {
    switch node.operation {
    case .parameter:
      if let symbolOffset { return builder.insert(GraphNode(.parameter, a: node.a + symbolOffset)) }
      return builder.constant(part.values[node.a])
    case .state: return builder.insert(GraphNode(.state, a: node.a + stateOffset))
    case .input:
      let name = prefix + part.component.inputs[node.a].name
      guard let column = columns.firstIndex(where: { $0.name == name }) else {
        throw Failure("\(part.component.name): column '\(name)' is read for some numbers of responses only")
      }
      return builder.insert(GraphNode(.input, a: column, b: node.b))
    default: return nil
    }
  }
}

extension Column {
  fileprivate func renamed(_ name: String) -> Column {
    Column(name, per: extent, differentiable: isDifferentiable, optional: isOptional, perReference: isPerReference)
  }

  fileprivate func with(optional: Bool) -> Column {
    Column(name, per: extent, differentiable: isDifferentiable, optional: optional, perReference: isPerReference)
  }
}
