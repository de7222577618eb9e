extension Graph {
  /// The graph in the form that programs run, and the new index of each node. It has no stopGradient, which is the identity for values, and
  /// shares exp(−|x|) and log(1 + exp(−|x|)) among the functions computed from them.
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
  private var shared: [Magnitude: Shared] = [:]

  /// The x of |x|: a node or its negation, a difference in either order.
  private enum Magnitude: Hashable {
    case node(Int)
    case difference(Int, Int)
  }

  /// The shared functions of one |x|.
  private struct Shared {
    /// The node that the functions are computed from. It may be the negation of the magnitude's.
    let operand: Int
    let isNegative: Bool
    /// The node of exp(−|x|).
    let exponential: Int
    /// The node of log(1 + exp(−|x|)).
    var logarithm: Int?
  }

  init(_ source: Graph) {
    self.source = source
    isRow = source.rowDependence
    graph = source
    graph.nodes = []
  }

  mutating func run() -> (Graph, places: [Int]) {
    for (index, node) in source.nodes.enumerated() {
      places.append(isRow[index] ? lower(node) : copy(node))
    }
    return (graph, places)
  }

  private mutating func lower(_ node: GraphNode) -> Int {
    switch node.operation {
    case .sigmoid: return sigmoid(of: places[node.a])
    case .logSigmoid: return logSigmoid(of: places[node.a])
    case .softplus: return softplus(of: places[node.a], isNegated: false)
    // −log σ(x) equals softplus(−x) to the bit.
    case .negate where source.nodes[node.a].operation == .logSigmoid:
      return softplus(of: places[source.nodes[node.a].a], isNegated: true)
    default: return copy(node)
    }
  }

  /// A batch mean as a sum over the batch, which keeps the serial number, divided by the count.
  private mutating func mean(_ node: GraphNode) -> Int {
    guard isRow[node.a] else { return places[node.a] }
    let sum = append(GraphNode(.sum, a: places[node.a], c: Extent.batch.rawValue, value: node.serial))
    let count = append(GraphNode(.batchCount))
    return append(GraphNode(.divide, a: sum, b: count))
  }

  private mutating func copy(_ node: GraphNode) -> Int {
    switch node.operation {
    case .stopGradient: return places[node.a]
    case .batchMean, .batchMeanGradient: return mean(node)
    default: break
    }
    var copy = node
    if node.operation.arity > 0 { copy.a = places[node.a] }
    if node.operation.arity > 1 { copy.b = places[node.b] }
    if node.operation.arity > 2 { copy.c = places[node.c] }
    return append(copy)
  }

  private mutating func append(_ node: GraphNode) -> Int {
    graph.nodes.append(node)
    return graph.nodes.count - 1
  }

  private mutating func sigmoid(of operand: Int) -> Int {
    let (shared, isOpposite) = exponential(of: operand)
    return append(
      GraphNode(isOpposite ? .sigmoidOfNegativeFrom : .sigmoidFrom, a: shared.operand, b: shared.exponential))
  }

  private mutating func logSigmoid(of operand: Int) -> Int {
    let (_, logarithm, _) = logarithm(of: operand)
    return append(GraphNode(.logSigmoidFrom, a: operand, b: logarithm))
  }

  private mutating func softplus(of operand: Int, isNegated: Bool) -> Int {
    let (shared, logarithm, isOpposite) = logarithm(of: operand)
    return append(
      GraphNode(isOpposite != isNegated ? .softplusOfNegativeFrom : .softplusFrom, a: shared, b: logarithm))
  }

  /// exp(−|x|) of a node, and whether the node is the negation of the one it was computed from.
  private mutating func exponential(of operand: Int) -> (Shared, isOpposite: Bool) {
    let (magnitude, isNegative) = magnitude(of: operand)
    if let known = shared[magnitude] { return (known, known.isNegative != isNegative) }
    let exponential = append(GraphNode(.expNegativeAbs, a: operand))
    let made = Shared(operand: operand, isNegative: isNegative, exponential: exponential)
    shared[magnitude] = made
    return (made, false)
  }

  /// log(1 + exp(−|x|)) of a node, the operand it was computed from, and whether the node is the negation of that operand.
  private mutating func logarithm(of operand: Int) -> (operand: Int, logarithm: Int, isOpposite: Bool) {
    let (known, isOpposite) = exponential(of: operand)
    let logarithm = known.logarithm ?? append(GraphNode(.log1p, a: known.exponential))
    shared[magnitude(of: operand).0]?.logarithm = logarithm
    return (known.operand, logarithm, isOpposite)
  }

  private func magnitude(of operand: Int) -> (Magnitude, isNegative: Bool) {
    let node = graph.nodes[operand]
    switch node.operation {
    case .negate:
      let (inner, isNegative) = magnitude(of: node.a)
      return (inner, !isNegative)
    case .subtract: return (.difference(min(node.a, node.b), max(node.a, node.b)), node.a > node.b)
    default: return (.node(operand), false)
    }
  }
}
