/// One node of a graph; operands are indices of earlier nodes.
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

  /// What pairs a statistic with those of the other parts of a batch of rankings of different length: those of a gradient are others.
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

/// A formula as a list of operations, each after its operands: what is differentiated, printed, compiled and handed on.
package struct Graph: Sendable {
  package var nodes: [GraphNode] = []
  /// The nodes whose values are asked for.
  package var outputs: [Int] = []
  /// For each state, the node of its value after the call.
  package var stateOutputs: [Int] = []
  /// Over what it is evaluated: prompts, or tokens.
  package var rows = Column.Extent.prompt
  /// K, the number of responses it was made for.
  package var responses = 0
  /// R, the number of references it was made for.
  package var references = 0

  package init() {}

  /// The nodes that some of `roots` depend on, as a mask.
  package func reached(from roots: some Sequence<Int>) -> [Bool] {
    var mask = [Bool](repeating: false, count: nodes.count)
    for root in roots { mask[root] = true }
    for index in nodes.indices.reversed() where mask[index] {
      for operand in nodes[index].operands { mask[operand] = true }
    }
    return mask
  }

  /// For each node, whether its value differs from row to row.
  package var rowDependence: [Bool] { extents.map { $0 != .batch } }

  /// Whether a prompt's output depends on that prompt alone, wherever it stands.
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

/// A column, by its index among the declared ones, and which of its slots: a rank, or r·K + rank for a reference.
package struct InputSlot: Hashable, Sendable {
  package let column, slot: Int
  package init(column: Int, slot: Int) {
    self.column = column
    self.slot = slot
  }
}
