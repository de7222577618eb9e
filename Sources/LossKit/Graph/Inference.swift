/// Properties of a component that are proved from its graph.
extension Graph {
  /// Whether adding a constant to all rewards of a prompt leaves every output unchanged; `reward` is the column's index.
  ///
  /// Follows the derivative of every node along that shift in a second graph; nil marks a derivative that is not followed.
  package func isShiftInvariant(reward: Int?) -> Bool {
    guard let reward else { return true }
    var builder = GraphBuilder()
    let places = builder.append(self, reaching: outputs + stateOutputs)
    var shifts = [Int?](repeating: nil, count: nodes.count)
    let zero = builder.constant(0)
    for (index, node) in nodes.enumerated() where places[index] >= 0 {
      shifts[index] = Self.shift(of: node, shifts: shifts, places: places, reward: reward, zero: zero, in: &builder)
    }
    return (outputs + stateOutputs).allSatisfy { shifts[$0] == zero }
  }

  private static func shift(
    of node: GraphNode, shifts: [Int?], places: [Int], reward: Int, zero: Int, in builder: inout GraphBuilder
  ) -> Int? {
    let operands = node.operands
    if operands.isEmpty {
      return node.operation == .input && node.a == reward ? builder.constant(1) : zero
    }
    let moves = operands.map { shifts[$0] }
    if moves.allSatisfy({ $0 == zero }) { return zero }
    guard let a = moves[0] else { return nil }
    switch node.operation {
    case .negate: return builder.add(.negate, a)
    case .stopGradient: return a
    case .add, .subtract: return moves[1].map { builder.add(node.operation, a, $0) }
    case .multiply:
      guard let b = moves[1] else { return nil }
      if a == zero { return builder.add(.multiply, places[operands[0]], b) }
      return b == zero ? builder.add(.multiply, places[operands[1]], a) : nil
    case .divide: return moves[1] == zero ? builder.add(.divide, a, places[operands[1]]) : nil
    case .minimum, .maximum, .clamp: return moves.allSatisfy { $0 == a } ? a : nil
    case .select: return a == zero && moves[1] == moves[2] ? moves[1] : nil
    default: return nil
    }
  }

  /// Whether every output is 0 where the policy's log-probabilities equal those of every reference.
  package func isZeroAtReference(columns: [Column]) -> Bool {
    var builder = GraphBuilder()
    let pairs = [
      (Column.referenceLogProbability, Column.logProbability),
      (Column.referenceTokenLogProbability, Column.tokenLogProbability),
    ]
    let places = builder.append(self, reaching: outputs) { node, builder in
      guard node.operation == .input else { return nil }
      for (reference, policy) in pairs where columns[node.a].name == reference.name {
        guard let column = columns.firstIndex(where: { $0.name == policy.name }) else { return nil }
        let rank = policy.extent == .token ? 0 : node.b % max(responses, 1)
        return builder.insert(GraphNode(.input, a: column, b: rank))
      }
      return nil
    }
    return outputs.allSatisfy { output in
      let node = builder.nodes[places[output]]
      return node.operation == .constant && node.value.magnitude < 1e-15
    }
  }

  /// Whether every output is 0 where the policy equals the reference, and that zero is the same for every prompt, which takes a single
  /// reference: a mixture of references is not normalized, and its constant differs between prompts.
  package func hasMeaningfulZero(columns: [Column]) -> Bool {
    isZeroAtReference(columns: columns) && referencesRead(columns: columns) <= 1
  }

  /// The number of references whose columns the outputs read.
  package func referencesRead(columns: [Column]) -> Int {
    inputs(of: outputs).filter { columns[$0.column].isPerReference }
      .map { columns[$0.column].extent == .token ? $0.slot + 1 : $0.slot / max(responses, 1) + 1 }
      .max() ?? 0
  }
}
