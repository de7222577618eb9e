extension Graph {
  /// The same graph as a program wants it, and where each node went: without stopGradient, which is no operation for values;
  /// and with one exp(−|x|) for all that is made of it, and one log(1 + exp(−|x|)).
  func lowered() -> (Graph, places: [Int]) {
    var lowering = Lowering(self)
    return lowering.run()
  }
}

private struct Lowering {
  private let source: Graph
  private let isRow: [Bool]
  private var graph: Graph
  private var places: [Int] = []
  private var exponentials: [Magnitude: Int] = [:]
  /// By the exponential.
  private var logarithms: [Int: Int] = [:]

  /// What |x| is of: a node or its negative, a difference either way round.
  private enum Magnitude: Hashable {
    case node(Int)
    case difference(Int, Int)
  }

  init(_ source: Graph) {
    self.source = source
    isRow = source.rowDependence
    graph = source
    graph.nodes = []
  }

  mutating func run() -> (Graph, places: [Int]) {
    for (index, node) in source.nodes.enumerated() {
      switch node.operation {
      case .stopGradient: places.append(places[node.a])
      case .sigmoid where isRow[index]: append(.sigmoidFrom, node) { $0.exponential(of: $1) }
      case .logSigmoid where isRow[index]: append(.logSigmoidFrom, node) { $0.logarithm(of: $1) }
      case .softplus where isRow[index]: append(.softplusFrom, node) { $0.logarithm(of: $1) }
      default: append(node)
      }
    }
    return (graph, places)
  }

  private mutating func append(_ node: GraphNode) {
    var copy = node
    if node.operation.arity > 0 { copy.a = places[node.a] }
    if node.operation.arity > 1 { copy.b = places[node.b] }
    if node.operation.arity > 2 { copy.c = places[node.c] }
    graph.nodes.append(copy)
    places.append(graph.nodes.count - 1)
  }

  /// An operation that also takes what others share with it.
  private mutating func append(
    _ operation: Operation, _ node: GraphNode, sharing shared: (inout Lowering, _ operand: Int) -> Int
  ) {
    let operand = places[node.a]
    let other = shared(&self, operand)
    graph.nodes.append(GraphNode(operation, a: operand, b: other))
    places.append(graph.nodes.count - 1)
  }

  /// exp(−|x|) of a node.
  private mutating func exponential(of operand: Int) -> Int {
    let magnitude = magnitude(of: operand)
    if let known = exponentials[magnitude] { return known }
    graph.nodes.append(GraphNode(.expNegativeAbs, a: operand))
    exponentials[magnitude] = graph.nodes.count - 1
    return graph.nodes.count - 1
  }

  /// log(1 + exp(−|x|)) of a node.
  private mutating func logarithm(of operand: Int) -> Int {
    let exponential = exponential(of: operand)
    if let known = logarithms[exponential] { return known }
    graph.nodes.append(GraphNode(.log1p, a: exponential))
    logarithms[exponential] = graph.nodes.count - 1
    return graph.nodes.count - 1
  }

  private func magnitude(of operand: Int) -> Magnitude {
    let node = graph.nodes[operand]
    switch node.operation {
    case .negate: return magnitude(of: node.a)
    case .subtract: return .difference(min(node.a, node.b), max(node.a, node.b))
    default: return .node(operand)
    }
  }
}
