import LossKit

/// What an objective's parts read and require together, and their joint graph if all of them export formulas.
///
/// For a formula, this follows from the hyperparameters in use, without terms multiplied by 0; for a part called by its
/// own function, from its declaration. A term of weight 0 is left out.
struct ObjectiveComposition {
  let terms: [Objective.Term]
  let reward: Objective.Part?
  let responses: ClosedRange<Int>
  let referenceCount: Int
  /// The columns that the parts read.
  private(set) var columns: [Column] = []
  /// Whether all parts run as one program.
  let isFused: Bool
  /// Whether a prompt's loss depends only on that prompt.
  let isRowwise: Bool
  /// The formulas of the parts of `terms` and of the reward, if they export them.
  private let formulas: [PartFormula]

  /// The prefix of a reward's columns for responses to other prompts.
  static let mismatched = "mismatched_"

  /// `isFused` is false to call the parts' own functions although they export formulas.
  init(terms: [Objective.Term], reward: Objective.Part?, isFused: Bool = true) throws {
    self.terms = terms
    self.reward = reward
    let parts = terms.map(\.loss) + (reward.map { [$0] } ?? [])
    let lower = parts.map(\.component.responses.lowerBound).max() ?? 1
    let upper = parts.map(\.component.responses.upperBound).min() ?? Int.max
    guard lower <= upper else {
      let words = terms.map { "\($0.loss.component.name) takes \(Self.words($0.loss.component.responses))" }
      throw Failure("the terms take different numbers of responses: \(words.joined(separator: ", "))")
    }
    responses = lower...upper
    let references = parts.map(\.component.references.lowerBound).max() ?? 0
    let formulas = try parts.map {
      try PartFormula($0, responses: min(max(lower, 2), upper), references: max(references, 1))
    }
    self.formulas = formulas
    let used = formulas.indices.filter { !terms.indices.contains($0) || terms[$0].weight != 0 }.map { formulas[$0] }
    self.isFused = isFused && used.allSatisfy { $0.inUse != nil }
    isRowwise = used.allSatisfy(\.isRowwise)
    let isFused = self.isFused
    referenceCount = isFused ? used.map(\.referencesRead).max() ?? 0 : references
    for formula in used { try addColumns(of: formula, inUse: isFused) }
    guard columns.count <= 64 else { throw Failure("the objective reads \(columns.count) columns; 64 is the most") }
  }

  /// Throws if a loss reads absolute rewards, and the reward has no meaningful zero.
  func checkZero() throws {
    guard let zero = reward.flatMap({ _ in formulas.last }), !zero.hasMeaningfulZero else { return }
    guard let index = terms.indices.first(where: { terms[$0].weight != 0 && formulas[$0].looksAtAbsoluteRewards })
    else { return }
    let reason =
      zero.isZeroAtReference
      ? "'\(zero.part.component.name)' compares several references, whose mixture is not normalized: its zero differs from "
        + "prompt to prompt"
      : "'\(zero.part.component.name)' has no zero at the reference: its values mean nothing there"
    throw Failure(
      "\(terms[index].loss.component.name) looks at absolute rewards, and \(reason). Take a parameterization that is 0 at the "
        + "reference, such as log-ratio, or a loss of the margin alone")
  }

  private static func words(_ range: ClosedRange<Int>) -> String {
    if range.lowerBound == range.upperBound { return "\(range.lowerBound)" }
    return range.upperBound == Int.max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
  }

  private mutating func addColumns(of formula: PartFormula, inUse: Bool, prefix: String = "") throws {
    let used = formula.columnsRead(inUse: inUse)
    let component = formula.part.component
    for (index, column) in component.inputs.enumerated() {
      if let used, !used.contains(index) { continue }
      switch column.name {
      case Column.reward.name: continue
      case Self.mismatched + Column.reward.name:
        if reward != nil, let reward = formulas.last {
          try addColumns(of: reward, inUse: inUse, prefix: Self.mismatched)
        }
      default: try add(column.renamed(prefix + column.name), by: component.name, isRead: used != nil)
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

  private var names: String { terms.map(\.loss.component.name).joined(separator: " + ") }

  /// A plan for all parts; nil if a part exports no formula.
  func evaluator(stateCount: Int) -> GraphEvaluator? {
    guard isFused else { return nil }
    return GraphEvaluator(
      name: names, kind: .objective(hasReward: reward != nil), columns: columns, stateCount: stateCount,
      isStructural: [],
      trace: { responses, references, _ in
        try ObjectiveGraph(self, responses: responses, references: references).graph
      })
  }

  /// The joint graph of all parts, with hyperparameters as symbols: those of each term in order, then those of the
  /// reward. Those that determine which columns are read are numbers.
  ///
  /// If `rewardColumn` is given, losses read the rewards from the column of that index.
  func symbolicGraph(responses: Int, references: Int, rewardColumn: Int? = nil) throws -> Graph {
    try ObjectiveGraph(
      self, responses: responses, references: references, isSymbolic: true, rewardColumn: rewardColumn
    ).graph
  }

  /// Builds the joint graph: the rewards, and the weighted losses over them.
  private struct ObjectiveGraph {
    private let composition: ObjectiveComposition
    private let responses, references: Int
    private let isSymbolic: Bool
    /// The index of the first hyperparameter of each term, and of the reward, which follows all terms.
    private let symbolOffsets: [Int]
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
      symbolOffsets = composition.terms.reduce(into: [0]) { offsets, term in
        offsets.append((offsets.last ?? 0) + term.loss.values.count)
      }
      let rewards: [Int]
      if let rewardColumn {
        rewards = (0..<responses).map { builder.insert(GraphNode(.input, a: rewardColumn, b: $0)) }
      } else {
        rewards = try appendReward(prefix: "")
      }
      var total = builder.constant(0)
      var states: [Int] = []
      for (index, term) in composition.terms.enumerated() {
        if term.weight == 0 {
          for _ in term.loss.component.stateNames {
            states.append(builder.insert(GraphNode(.state, a: states.count)))
          }
          continue
        }
        let (loss, after) = try append(term.loss, index: index, stateOffset: states.count, rewards: rewards)
        states += after
        total = builder.add(.add, total, builder.add(.multiply, builder.constant(term.weight), loss))
      }
      graph.nodes = builder.nodes
      graph.outputs = [total] + rewards
      graph.stateOutputs = states
      graph.responses = responses
      graph.references = references
      let columns = composition.columns + (rewardColumn == nil ? [] : [Column.reward])
      guard graph.referencesRead(columns: columns) <= max(references, 1) else {
        throw Failure("\(composition.names): a reference is read for some numbers of references only")
      }
    }

    private mutating func appendReward(prefix: String) throws -> [Int] {
      guard let part = composition.reward else { return [] }
      let formula = try formula(of: part)
      let offset = symbolOffsets[composition.terms.count]
      let composition = composition
      func leaf(_ node: GraphNode, _ builder: inout GraphBuilder) throws -> Int? {
        try composition.leaf(
          node, of: part, prefix: prefix, stateOffset: 0, symbolOffset: offset, rows: formula.rows, in: &builder)
      }
      guard formula.rows == .token else {
        let places = try builder.append(formula, reaching: formula.outputs, replacing: leaf)
        return formula.outputs.map { places[$0] }
      }
      let places = try builder.lift(formula) { try leaf($1, &$0) }
      return (0..<responses).map { builder.pick(places[formula.outputs[0]], rank: $0) }
    }

    private mutating func append(
      _ part: Objective.Part, index: Int, stateOffset: Int, rewards: [Int]
    ) throws -> (loss: Int, states: [Int]) {
      var formula = try formula(of: part)
      // Keep statistics of different terms apart.
      for node in formula.nodes.indices where formula.nodes[node].operation.isBatch {
        formula.nodes[node].value += Double(index) * 0x1p24
      }
      let names = part.component.inputs.map(\.name)
      let readsMismatched = formula.inputs(of: formula.outputs + formula.stateOutputs)
        .contains { names[$0.column] == ObjectiveComposition.mismatched + Column.reward.name }
      let mismatched = readsMismatched ? try appendReward(prefix: ObjectiveComposition.mismatched) : []
      let offset = symbolOffsets[index]
      let places = try builder.append(formula, reaching: formula.outputs + formula.stateOutputs) { node, builder in
        if node.operation == .input {
          if names[node.a] == Column.reward.name { return rewards[node.b] }
          if names[node.a] == ObjectiveComposition.mismatched + Column.reward.name { return mismatched[node.b] }
        }
        return try composition.leaf(
          node, of: part, prefix: "", stateOffset: stateOffset, symbolOffset: offset, rows: .prompt, in: &builder)
      }
      return (places[formula.outputs[0]], formula.stateOutputs.map { places[$0] })
    }

    private func formula(of part: Objective.Part) throws -> Graph {
      // The formula may require references that the hyperparameters leave unused.
      let formula = try part.component.formula(
        responses: responses, references: max(references, part.component.references.lowerBound), values: part.values)
      let outputs = part.component.kind == .loss || formula?.rows == .token ? 1 : responses
      guard let formula, formula.outputs.count == outputs else {
        throw Failure("\(part.component.name): it has no formula for \(responses) responses")
      }
      if !isSymbolic { return formula.bound(to: part.values) }
      return composition.isFused ? formula.bound(to: formula.decidingValues(among: part.values)) : formula
    }
  }

  /// A part's leaf in the joint graph: a hyperparameter by its new index, a column by its index in the batch.
  private func leaf(
    _ node: GraphNode, of part: Objective.Part, prefix: String, stateOffset: Int, symbolOffset: Int,
    rows: Column.Extent, in builder: inout GraphBuilder
  ) throws -> Int? {
    switch node.operation {
    case .parameter:
      return builder.insert(GraphNode(.parameter, a: node.a + symbolOffset))
    case .state: return builder.insert(GraphNode(.state, a: node.a + stateOffset))
    case .input:
      let name = prefix + part.component.inputs[node.a].name
      guard let column = columns.firstIndex(where: { $0.name == name }) else {
        throw Failure("\(part.component.name): column '\(name)' is read for some numbers of responses only")
      }
      if rows == .token { return builder.column(column, reference: node.b, per: .token) }
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
