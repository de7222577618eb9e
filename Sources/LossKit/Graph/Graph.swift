/// One node of a graph. Operands are indices of earlier nodes.
package struct GraphNode: Sendable, Equatable {
  package var operation: Operation
  package var a = 0, b = 0, c = 0
  package var value = 0.0

  package init(_ operation: Operation, a: Int = 0, b: Int = 0, c: Int = 0, value: Double = 0) {
    self.operation = operation
    self.a = a
    self.b = b
    self.c = c
    self.value = value
  }

  /// Pairs a statistic with those of the other parts of a batch of rankings of different lengths; negative for statistics of gradients.
  var serial: Double { operation == .batchMeanGradient || operation == .batchUnsorted ? -1 - value : value }

  /// The operands that are nodes.
  package var operands: [Int] {
    switch operation.arity {
    case 0: []
    case 1: [a]
    case 2: [a, b]
    default: [a, b, c]
    }
  }
}

/// A formula as a list of operations, each after its operands; it is differentiated, printed, compiled and exported.
package struct Graph: Sendable {
  package var nodes: [GraphNode] = []
  /// The nodes of the requested values.
  package var outputs: [Int] = []
  /// For each state, the node of its value after the call.
  package var stateOutputs: [Int] = []
  /// The rows that it is evaluated over: prompts or tokens.
  package var rows = Column.Extent.prompt
  /// K, the number of responses that it was made for.
  package var responses = 0
  /// R, the number of references that it was made for.
  package var references = 0

  package init() {}

  /// A mask of the nodes that `roots` depend on.
  package func reached(from roots: some Sequence<Int>) -> [Bool] {
    var mask = [Bool](repeating: false, count: nodes.count)
    for root in roots { mask[root] = true }
    for index in nodes.indices.reversed() where mask[index] {
      for operand in nodes[index].operands { mask[operand] = true }
    }
    return mask
  }

  /// Whether the value of each node differs between rows.
  package var rowDependence: [Bool] { extents.map { $0 != .batch } }

  /// Whether a prompt's output depends on that prompt alone, and not on its index.
  package var isRowwise: Bool {
    let mask = reached(from: outputs + stateOutputs)
    return !zip(nodes, mask).contains { node, isReached in
      guard isReached else { return false }
      return switch node.operation {
      case .batchCount, .rowIndex, .uniform, .tokenRandomRank: true
      default: node.operation.isBatch
      }
    } && stateOutputs.enumerated().allSatisfy { nodes[$1] == GraphNode(.state, a: $0) }
  }

  /// The (column, slot) pairs that the outputs depend on, in order of first use.
  package func inputs(of roots: [Int]) -> [InputSlot] {
    let mask = reached(from: roots)
    return nodes.indices.filter { mask[$0] && nodes[$0].operation == .input }
      .map { InputSlot(column: nodes[$0].a, slot: nodes[$0].b) }
  }
}

/// A slot of a column: the column's index among the declared ones, and a rank, or r·K + rank for a reference.
package struct InputSlot: Hashable, Sendable {
  package let column, slot: Int
  package init(column: Int, slot: Int) {
    self.column = column
    self.slot = slot
  }
}
