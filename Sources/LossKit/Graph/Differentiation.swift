extension GraphBuilder {
  /// Adds the gradient of Σᵢ cotangentᵢ · outputᵢ, summed over the rows, with respect to every node, in reverse mode.
  ///
  /// `graph` has to be this builder's own nodes. Returns, for each node, the node of its gradient, or nil where it is 0.
  /// A slope at a kink is 0, or as the function says; a zero cotangent annihilates whatever it meets.
  package mutating func differentiate(
    outputs: [Int], cotangents: [Int], keepingBatchNodes: Bool = false
  ) -> [Int?] {
    let count = nodes.count
    var gradients = [Int?](repeating: nil, count: count)
    for (output, cotangent) in zip(outputs, cotangents) {
      accumulate(cotangent, into: &gradients[output])
    }
    for index in (0..<count).reversed() {
      let node = nodes[index]
      // Where rankings of different length share a batch, a mean that does not matter here may matter for the others.
      if keepingBatchNodes, node.operation == .batchMean || node.operation == .batchSorted, gradients[index] == nil {
        gradients[index] = constant(0)
      }
      guard let gradient = gradients[index] else { continue }
      if value(gradient) == 0, !(keepingBatchNodes && node.operation.isBatch) { continue }
      propagate(gradient, through: node, at: index, into: &gradients)
    }
    return gradients
  }

  private mutating func accumulate(_ term: Int, into gradient: inout Int?) {
    if value(term) == 0 { return }
    gradient = gradient.map { add(.add, $0, term) } ?? term
  }

  private mutating func propagate(_ gradient: Int, through node: GraphNode, at index: Int, into gradients: inout [Int?])
  {
    let (a, b, c) = (node.a, node.b, node.c)
    let zero = constant(0)
    switch node.operation {
    case .add:
      accumulate(gradient, into: &gradients[a])
      accumulate(gradient, into: &gradients[b])
    case .subtract:
      accumulate(gradient, into: &gradients[a])
      accumulate(add(.negate, gradient), into: &gradients[b])
    case .multiply:
      accumulate(add(.annihilate, gradient, b), into: &gradients[a])
      accumulate(add(.annihilate, gradient, a), into: &gradients[b])
    case .divide:
      accumulate(add(.annihilate, gradient, add(.divide, constant(1), b)), into: &gradients[a])
      accumulate(add(.negate, add(.annihilate, gradient, add(.divide, index, b))), into: &gradients[b])
    case .minimum, .maximum:
      // Positive where the second operand is taken.
      let second = node.operation == .minimum ? add(.subtract, a, b) : add(.subtract, b, a)
      accumulate(add(.select, second, zero, gradient), into: &gradients[a])
      accumulate(add(.select, second, gradient, zero), into: &gradients[b])
    case .select:
      accumulate(add(.select, a, gradient, zero), into: &gradients[b])
      accumulate(add(.select, a, zero, gradient), into: &gradients[c])
    case .clamp:
      let above = add(.subtract, a, b)
      let below = add(.subtract, c, a)
      accumulate(add(.select, above, add(.select, below, gradient, zero), zero), into: &gradients[a])
      accumulate(add(.select, above, zero, gradient), into: &gradients[b])
      accumulate(add(.select, above, add(.select, below, zero, gradient), zero), into: &gradients[c])
    case .batchMean:
      accumulate(insert(GraphNode(.batchMeanGradient, a: gradient, value: node.value)), into: &gradients[a])
    case .batchSorted:
      accumulate(insert(GraphNode(.batchUnsorted, a: gradient, b: a, value: node.value)), into: &gradients[a])
    case .relu:
      accumulate(add(.select, a, gradient, zero), into: &gradients[a])
    default:
      if let slope = slope(of: node, at: index) {
        accumulate(add(.annihilate, gradient, slope), into: &gradients[a])
      }
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
