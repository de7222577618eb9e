extension GraphBuilder {
  /// Adds the gradient of Σᵢ cotangentᵢ · outputᵢ, summed over the rows of `extent`, with respect to every node, by reverse-mode
  /// differentiation.
  ///
  /// Returns the node of each node's gradient, or nil where the gradient is 0. The slope at a kink is 0 unless the function documents
  /// another; a zero cotangent yields 0 whatever it is multiplied with.
  package mutating func differentiate(
    outputs: [Int], cotangents: [Int], per extent: Extent = .prompt, keepingBatchNodes: Bool = false
  ) -> [Int?] {
    let count = nodes.count
    var gradients = Cotangents(count: count)
    for (output, cotangent) in zip(outputs, cotangents) {
      accumulate(cotangent, per: extent, into: &gradients, of: output)
    }
    var results = [Int?](repeating: nil, count: count)
    for index in (0..<count).reversed() {
      let node = nodes[index]
      var term = close(gradients, of: index)
      // In a batch of rankings of different lengths, a mean that has no effect here may have one in another part.
      if keepingBatchNodes, node.operation == .batchMean || node.operation == .batchSorted, term == nil {
        term = (constant(0), .prompt)
      }
      guard let (gradient, extent) = term else { continue }
      results[index] = gradient
      if value(gradient) == 0, !(keepingBatchNodes && node.operation.isBatch) { continue }
      propagate(gradient, per: extent, through: node, at: index, into: &gradients)
    }
    return results
  }

  /// The terms of each node's gradient, with the extent of the rows that each is given for. A term at finer rows than the node's has yet to
  /// be summed over them.
  private struct Cotangents {
    var terms: [Int?]
    init(count: Int) { terms = Array(repeating: nil, count: count * Extent.allCases.count) }

    subscript(node: Int, extent: Extent) -> Int? {
      get { terms[node * Extent.allCases.count + extent.rawValue] }
      set { terms[node * Extent.allCases.count + extent.rawValue] = newValue }
    }
  }

  private mutating func accumulate(_ term: Int, per extent: Extent, into gradients: inout Cotangents, of node: Int) {
    if value(term) == 0 { return }
    gradients[node, extent] = gradients[node, extent].map { add(.add, $0, term) } ?? term
  }

  /// The gradient of a node, summed to its own extent. A single term that is a number of the whole batch is passed on unsummed, for a later
  /// reduction.
  private mutating func close(_ gradients: Cotangents, of node: Int) -> (term: Int, extent: Extent)? {
    let present = Extent.allCases.filter { gradients[node, $0] != nil }
    guard let first = present.first, let term = gradients[node, first] else { return nil }
    if present.count == 1, first == extents[node] || extents[node] == .batch { return (term, first) }
    var total: Int?
    for extent in present.reversed() {
      guard let term = gradients[node, extent] else { continue }
      let summed = sum(term, over: extent, to: extents[node])
      total = total.map { add(.add, $0, summed) } ?? summed
    }
    return total.map { ($0, extents[node]) }
  }

  private mutating func propagate(
    _ gradient: Int, per extent: Extent, through node: GraphNode, at index: Int, into gradients: inout Cotangents
  ) {
    guard node.operation.isElementwise || node.operation.isBatch else {
      return propagate(
        sum(gradient, over: extent, to: extents[index]), throughSegments: node, at: index, into: &gradients)
    }
    let a = node.a
    switch node.operation {
    case .batchMean:
      let gradient = extent > .prompt ? sum(gradient, over: extent, to: .prompt) : gradient
      let mean =
        extent == .batch
        ? add(.divide, gradient, count(of: .prompt, per: .batch))
        : insert(GraphNode(.batchMeanGradient, a: gradient, value: node.value))
      accumulate(mean, per: .prompt, into: &gradients, of: a)
    case .batchSorted:
      accumulate(
        insert(GraphNode(.batchUnsorted, a: gradient, b: a, value: node.value)), per: extent, into: &gradients, of: a)
    default:
      propagate(gradient, per: extent, byRulesOf: node, at: index, into: &gradients)
    }
  }

  /// Applies the rules of the table of operations.
  private mutating func propagate(
    _ gradient: Int, per extent: Extent, byRulesOf node: GraphNode, at index: Int, into gradients: inout Cotangents
  ) {
    let tape = DerivativeTerm.Tape(self)
    // Rules append to the tape, so it holds the only copy.
    self = GraphBuilder()
    let terms = DerivativeTerms(gradient: gradient, node: node, at: index, on: tape)
    for (operand, rule) in zip(node.operands, node.operation.entry.rules) {
      guard let rule else { continue }
      let term = rule(terms).node(on: tape)
      tape.builder.accumulate(term, per: extent, into: &gradients, of: operand)
    }
    self = tape.builder
  }

  /// Propagates `gradient`, which is at the node's own extent.
  private mutating func propagate(
    _ gradient: Int, throughSegments node: GraphNode, at index: Int, into gradients: inout Cotangents
  ) {
    guard node.operation.arity > 0 else { return }
    let (a, b) = (node.a, node.b)
    let (own, segment) = (extents[index], node.statedExtent)
    let isReversed = node.value != 0
    switch node.operation {
    case .sum: accumulate(gradient, per: extents[a], into: &gradients, of: a)
    case .largest:
      let first = insert(GraphNode(.firstLargest, a: a, c: own.rawValue))
      accumulate(add(.select, first, gradient, constant(0)), per: extents[a], into: &gradients, of: a)
    case .pick: accumulate(value(gradient, atRank: b), per: .response, into: &gradients, of: a)
    case .shift:
      accumulate(
        shift(gradient, by: b == 0 ? -1 : 1, filling: 0, along: segment), per: own, into: &gradients, of: a)
    case .scan:
      // h, the gradient with respect to b, runs in the other direction; a is the factor of the previous value.
      let (before, after) = isReversed ? (-1, 1) : (1, -1)
      let h = scan(
        shift(a, by: after, filling: 0, along: segment), gradient, along: segment, isReversed: !isReversed)
      accumulate(
        add(.annihilate, h, shift(index, by: before, filling: 0, along: segment)), per: own, into: &gradients, of: a)
      accumulate(h, per: own, into: &gradients, of: b)
    case .scanLogSumExp:
      // The previous value's share of y is exp(y − y′), taken at the row after: no exponent is positive.
      let decay = add(
        .exp,
        add(.subtract, index, shift(index, by: isReversed ? 1 : -1, filling: .infinity, along: segment)))
      let q = scan(decay, gradient, along: segment, isReversed: !isReversed)
      accumulate(add(.annihilate, q, add(.exp, add(.subtract, a, index))), per: own, into: &gradients, of: a)
    default: break
    }
  }
}
