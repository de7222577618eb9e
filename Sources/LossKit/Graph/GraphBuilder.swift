/// Builds graphs with simplification and common-subexpression elimination.
package struct GraphBuilder {
  package private(set) var nodes: [GraphNode] = []
  /// The extent of each node's value.
  package private(set) var extents: [Extent] = []
  // Finds equal nodes by a hash of their fields. A dictionary keyed by our own type would be simpler, but its type differs in every plugin,
  // and instantiating it makes the Swift runtime search all open libraries.
  private var latest: [UInt64: Int] = [:]
  /// The previous node with the same hash, or -1, for each node.
  private var earlier: [Int] = []

  package init() {}

  package mutating func constant(_ value: Double) -> Int { insert(GraphNode(.constant, value: value)) }

  /// Adds an operation, simplified, and returns its node.
  package mutating func add(_ operation: Operation, _ a: Int, _ b: Int = 0, _ c: Int = 0) -> Int {
    if let simpler = simplify(operation, a, b, c) { return simpler }
    return insert(GraphNode(operation, a: a, b: b, c: c))
  }

  /// Adds a node unless an equal one exists, and returns its index.
  package mutating func insert(_ node: GraphNode) -> Int {
    var canonical = node
    if node.operation.isCommutative, node.a > node.b { (canonical.a, canonical.b) = (node.b, node.a) }
    let hash = Self.hash(canonical)
    let first = latest[hash] ?? -1
    var candidate = first
    while candidate >= 0 {
      if isEqual(nodes[candidate], canonical) { return candidate }
      candidate = earlier[candidate]
    }
    nodes.append(node)
    extents.append(node.extent(operands: node.operands.map { extents[$0] }))
    earlier.append(first)
    latest[hash] = nodes.count - 1
    return nodes.count - 1
  }

  /// Whether a node has the same value, to the bit, as one in canonical order.
  private func isEqual(_ node: GraphNode, _ canonical: GraphNode) -> Bool {
    guard node.operation == canonical.operation, node.value.bitPattern == canonical.value.bitPattern,
      node.c == canonical.c
    else { return false }
    return (node.a == canonical.a && node.b == canonical.b)
      || (node.operation.isCommutative && node.a == canonical.b && node.b == canonical.a)
  }

  private static func hash(_ node: GraphNode) -> UInt64 {
    var hash = UInt64(node.operation.rawValue)
    for word in [UInt64(node.a), UInt64(node.b), UInt64(node.c), node.value.bitPattern] {
      hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 29
    }
    return hash
  }

  /// Adds the nodes of another graph, replacing some; returns the new index of each of its nodes.
  package mutating func append(
    _ graph: Graph, reaching roots: [Int],
    replacing: (GraphNode, inout GraphBuilder) throws -> Int?
  ) rethrows -> [Int] {
    let mask = graph.reached(from: roots)
    var places = [Int](repeating: -1, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() where mask[index] {
      if let replacement = try replacing(node, &self) {
        places[index] = replacement
      } else if !node.operation.isElementwise {
        // A batch node keeps its serial number, by which parts of a mixed batch pair their statistics.
        var copy = node
        if node.operation.arity > 0 { copy.a = places[node.a] }
        if node.operation.arity > 1 { copy.b = places[node.b] }
        places[index] = insert(copy)
      } else {
        let operands = node.operands.map { places[$0] } + [0, 0]
        places[index] = add(node.operation, operands[0], operands[1], operands[2])
      }
    }
    return places
  }

  /// Adds the nodes of another graph; returns the new index of each of its nodes.
  package mutating func append(_ graph: Graph, reaching roots: [Int]) -> [Int] {
    append(graph, reaching: roots) { _, _ in nil }
  }

  /// The value of a node if it is a constant.
  func value(_ index: Int) -> Double? {
    nodes[index].operation == .constant ? nodes[index].value : nil
  }

  private func negated(_ index: Int) -> Int? {
    nodes[index].operation == .negate ? nodes[index].a : nil
  }

  // Simplifications change no value except the sign of a zero: x·0 is 0, because published formulas multiply by switches.
  private mutating func simplify(_ operation: Operation, _ a: Int, _ b: Int, _ c: Int) -> Int? {
    if !operation.isElementwise { return nil }
    if operation.arity > 0, let folded = fold(operation, a, b, c) { return constant(folded) }
    switch operation {
    case .add: return simplifySum(a, b)
    case .subtract: return simplifyDifference(a, b)
    case .multiply: return simplifyProduct(a, b)
    case .divide: return simplifyQuotient(a, b)
    case .annihilate: return simplifyAnnihilation(a, b)
    case .negate:
      if let inner = negated(a) { return inner }
      if nodes[a].operation == .subtract { return add(.subtract, nodes[a].b, nodes[a].a) }
      return nil
    case .minimum, .maximum: return a == b ? a : nil
    case .select:
      if b == c { return b }
      return value(a).map { $0 > 0 ? b : c }
    case .abs, .square:
      return negated(a).map { add(operation, $0) }
    default: return nil
    }
  }

  private func fold(_ operation: Operation, _ a: Int, _ b: Int, _ c: Int) -> Double? {
    guard operation != .stopGradient, let x = value(a) else { return nil }
    switch operation.arity {
    case 1: return operation(x)
    case 2: return value(b).map { operation(x, $0) }
    default:
      guard let y = value(b), let z = value(c) else { return nil }
      return operation(x, y, z)
    }
  }

  private mutating func simplifySum(_ a: Int, _ b: Int) -> Int? {
    if value(a) == 0 { return b }
    if value(b) == 0 { return a }
    if let inner = negated(b) { return add(.subtract, a, inner) }
    if let inner = negated(a) { return add(.subtract, b, inner) }
    return nil
  }

  private mutating func simplifyDifference(_ a: Int, _ b: Int) -> Int? {
    if a == b { return constant(0) }
    if value(b) == 0 { return a }
    if value(a) == 0 { return add(.negate, b) }
    if let inner = negated(b) { return add(.add, a, inner) }
    return nil
  }

  private mutating func simplifyProduct(_ a: Int, _ b: Int) -> Int? {
    for (factor, other) in [(a, b), (b, a)] {
      switch value(factor) {
      case 0: return constant(0)
      case 1: return other
      case -1: return add(.negate, other)
      default: break
      }
      if let inner = negated(factor) { return add(.negate, add(.multiply, inner, other)) }
    }
    return nil
  }

  private mutating func simplifyQuotient(_ a: Int, _ b: Int) -> Int? {
    if value(a) == 0 { return constant(0) }
    if value(b) == 1 { return a }
    if let inner = negated(a) { return add(.negate, add(.divide, inner, b)) }
    return nil
  }

  private mutating func simplifyAnnihilation(_ cotangent: Int, _ factor: Int) -> Int? {
    if value(cotangent) == 0 || value(factor) == 0 { return constant(0) }
    if value(cotangent) != nil { return add(.multiply, cotangent, factor) }
    if value(factor) == 1 { return cotangent }
    if value(factor) == -1 { return add(.negate, cotangent) }
    if let inner = negated(cotangent) { return add(.negate, add(.annihilate, inner, factor)) }
    if let inner = negated(factor) { return add(.negate, add(.annihilate, cotangent, inner)) }
    return nil
  }
}
