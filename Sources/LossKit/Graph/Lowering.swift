extension Graph {
  /// The same graph as a program wants it, and where each node went: without stopGradient, which is no operation for values;
  /// and with one exp(−|x|) and one log(1 + exp(−|x|)) for all that is made of them.
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

  /// What |x| is of: a node or its negative, a difference either way round.
  private enum Magnitude: Hashable {
    case node(Int)
    case difference(Int, Int)
  }

  /// What is made of one |x|.
  private struct Shared {
    /// The node that the functions are computed of, and whether it is the negative of what the magnitude is of.
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
    // −log σ(x) is softplus(−x) to the bit.
    case .negate where source.nodes[node.a].operation == .logSigmoid:
      return softplus(of: places[source.nodes[node.a].a], isNegated: true)
    default: return copy(node)
    }
  }

  /// The mean of a batch as a sum over it, that keeps its number, and the count.
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

  /// exp(−|x|) of a node, and whether the node is the negative of what it was made of.
  private mutating func exponential(of operand: Int) -> (Shared, isOpposite: Bool) {
    let (magnitude, isNegative) = magnitude(of: operand)
    if let known = shared[magnitude] { return (known, known.isNegative != isNegative) }
    let exponential = append(GraphNode(.expNegativeAbs, a: operand))
    let made = Shared(operand: operand, isNegative: isNegative, exponential: exponential)
    shared[magnitude] = made
    return (made, false)
  }

  /// log(1 + exp(−|x|)) of a node, what it was made of, and whether the node is the negative of that.
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
