import LossKit

extension ExportedFormula.Part {
  /// Adds to a graph the derivatives of its first `outputs` outputs (nil: all) by the differentiable ones of `columns`,
  /// which may be fewer than the graph reads, and removes unused nodes.
  init(_ source: Graph, differentiatedBy columns: [Column], outputs: Int? = nil, keepsStops: Bool) {
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
    self = Self(graph: graph, gradients: gradients, source: source).simplified(keepsStops: keepsStops)
  }

  /// The required nodes only. Products that a zero cotangent cannot spoil become plain ones, and gradient stops are
  /// removed unless kept.
  private func simplified(keepsStops: Bool) -> Self {
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
      // Serial numbers pair the statistics of mixed rankings; here equal statistics are merged.
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
  /// Whether its value is finite whenever those of the columns and hyperparameters are.
  fileprivate var isBounded: Bool {
    operation == .constant ? value.isFinite : operation.entry.isBounded
  }
}
