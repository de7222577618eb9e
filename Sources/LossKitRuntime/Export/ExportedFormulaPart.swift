import LossKit

extension ExportedFormula.Part {
  /// The nodes that are needed, in which a product that a zero cotangent cannot spoil is a plain one, and what stops a gradient is
  /// gone unless it is kept.
  func simplified(keepsStops: Bool) -> Self {
    var builder = GraphBuilder()
    let roots = graph.outputs + graph.stateOutputs + gradients.map(\.node)
    let mask = graph.reached(from: roots)
    var places = [Int](repeating: -1, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() where mask[index] {
      var copy = node
      let operands = node.operands.map { places[$0] }
      if operands.count > 0 { copy.a = operands[0] }
      if operands.count > 1 { copy.b = operands[1] }
      if operands.count > 2 { copy.c = operands[2] }
      // Serial numbers pair the statistics of mixed rankings; here equal statistics are one.
      if node.operation.isBatch { copy.value = 0 }
      switch node.operation {
      case .stopGradient: places[index] = keepsStops ? builder.insert(copy) : copy.a
      case .annihilate where builder.nodes[copy.b].isBounded: places[index] = builder.add(.multiply, copy.a, copy.b)
      case .annihilate, .batchMean, .batchSorted, .batchUnsorted, .batchMeanGradient:
        places[index] = builder.insert(copy)
      default:
        places[index] =
          operands.isEmpty ? builder.insert(copy) : builder.add(node.operation, copy.a, copy.b, copy.c)
      }
    }
    var result = self
    result.graph.nodes = builder.nodes
    result.graph.outputs = graph.outputs.map { places[$0] }
    result.graph.stateOutputs = graph.stateOutputs.map { places[$0] }
    result.gradients = gradients.map { ($0.slot, places[$0.node]) }
    return result
  }

  mutating func renumberParameters(_ places: [Int: Int]) {
    graph.renumberParameters(places)
    source.renumberParameters(places)
  }
}

extension Graph {
  fileprivate mutating func renumberParameters(_ places: [Int: Int]) {
    for index in nodes.indices where nodes[index].operation == .parameter {
      nodes[index].a = places[nodes[index].a] ?? 0
    }
  }
}

extension GraphNode {
  /// Whether its value is finite wherever those of the columns and hyperparameters are.
  fileprivate var isBounded: Bool {
    switch operation {
    case .constant: value.isFinite
    case .input, .parameter, .state, .cotangent, .sigmoid, .tanh, .sign, .rowIndex, .batchCount, .uniform, .tokenIndex,
      .tokenCount, .tokenShortest, .tokenRandomRank:
      true
    default: false
    }
  }
}
