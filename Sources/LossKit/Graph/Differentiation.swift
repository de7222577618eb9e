extension GraphBuilder {
  /// Adds the gradient of Σᵢ cotangentᵢ · outputᵢ, summed over the rows of `extent`, with respect to every node, in reverse mode.
  ///
  /// `graph` has to be this builder's own nodes. Returns, for each node, the node of its gradient, or nil where it is 0.
  /// A slope at a kink is 0, or as the function says; a zero cotangent annihilates whatever it meets.
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
      // Where rankings of different length share a batch, a mean that does not matter here may matter for the others.
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

  /// What a node's gradient is summed of: for each node and extent, a term and the extent at whose rows it is meant. A term at finer rows
  /// than the node's own is still to be summed over them.
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

  /// The gradient of a node, summed to its own extent; a single term by a number of the whole batch is passed on as it is, for a later
  /// reduction to sum.
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
    let (a, b, c) = (node.a, node.b, node.c)
    let zero = constant(0)
    switch node.operation {
    case .add:
      accumulate(gradient, per: extent, into: &gradients, of: a)
      accumulate(gradient, per: extent, into: &gradients, of: b)
    case .subtract:
      accumulate(gradient, per: extent, into: &gradients, of: a)
      accumulate(add(.negate, gradient), per: extent, into: &gradients, of: b)
    case .multiply:
      accumulate(add(.annihilate, gradient, b), per: extent, into: &gradients, of: a)
      accumulate(add(.annihilate, gradient, a), per: extent, into: &gradients, of: b)
    case .divide:
      accumulate(add(.annihilate, gradient, add(.divide, constant(1), b)), per: extent, into: &gradients, of: a)
      accumulate(add(.negate, add(.annihilate, gradient, add(.divide, index, b))), per: extent, into: &gradients, of: b)
    case .minimum, .maximum:
      // Positive where the second operand is taken.
      let second = node.operation == .minimum ? add(.subtract, a, b) : add(.subtract, b, a)
      accumulate(add(.select, second, zero, gradient), per: extent, into: &gradients, of: a)
      accumulate(add(.select, second, gradient, zero), per: extent, into: &gradients, of: b)
    case .select:
      accumulate(add(.select, a, gradient, zero), per: extent, into: &gradients, of: b)
      accumulate(add(.select, a, zero, gradient), per: extent, into: &gradients, of: c)
    case .clamp:
      let above = add(.subtract, a, b)
      let below = add(.subtract, c, a)
      accumulate(add(.select, above, add(.select, below, gradient, zero), zero), per: extent, into: &gradients, of: a)
      accumulate(add(.select, above, zero, gradient), per: extent, into: &gradients, of: b)
      accumulate(add(.select, above, add(.select, below, zero, gradient), zero), per: extent, into: &gradients, of: c)
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
    case .relu:
      accumulate(add(.select, a, gradient, zero), per: extent, into: &gradients, of: a)
    default:
      if let slope = slope(of: node, at: index) {
        accumulate(add(.annihilate, gradient, slope), per: extent, into: &gradients, of: a)
      }
    }
  }

  /// `gradient` is at the node's own extent.
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
      // h, the gradient by what is added, runs the other way; a is the factor of the value before.
      let (before, after) = isReversed ? (-1, 1) : (1, -1)
      let h = scan(
        shift(a, by: after, filling: 0, along: segment), gradient, along: segment, isReversed: !isReversed)
      accumulate(
        add(.annihilate, h, shift(index, by: before, filling: 0, along: segment)), per: own, into: &gradients, of: a)
      accumulate(h, per: own, into: &gradients, of: b)
    case .scanLogSumExp:
      // The share of the value before in the value after is exp(y − y′) of the rows behind: no exponent is positive.
      let decay = add(
        .exp,
        add(.subtract, index, shift(index, by: isReversed ? 1 : -1, filling: .infinity, along: segment)))
      let q = scan(decay, gradient, along: segment, isReversed: !isReversed)
      accumulate(add(.annihilate, q, add(.exp, add(.subtract, a, index))), per: own, into: &gradients, of: a)
    default: break
    }
  }

  /// The derivative of a function of one operand; nil where it is 0 everywhere.
  private mutating func slope(of node: GraphNode, at index: Int) -> Int? {
    let x = node.a
    let one = constant(1)
    switch node.operation {
    case .negate: return constant(-1)
    case .exp: return index
    case .expm1: return add(.exp, x)
    case .log: return add(.divide, one, x)
    case .log1p: return add(.divide, one, add(.add, one, x))
    case .sqrt: return add(.divide, constant(0.5), index)
    case .tanh:
      // 1 − tanh² as 4 σ(2x) σ(−2x): no cancellation in the tails.
      let twice = add(.multiply, constant(2), x)
      let product = add(.multiply, add(.sigmoid, twice), add(.sigmoid, add(.negate, twice)))
      return add(.multiply, constant(4), product)
    case .sigmoid: return add(.multiply, index, add(.sigmoid, add(.negate, x)))
    case .logSigmoid: return add(.sigmoid, add(.negate, x))
    case .softplus: return add(.sigmoid, x)
    case .log1mexp: return add(.divide, constant(-1), add(.expm1, add(.negate, x)))
    case .abs: return add(.sign, x)
    case .square: return add(.multiply, constant(2), x)
    default: return nil
    }
  }
}
