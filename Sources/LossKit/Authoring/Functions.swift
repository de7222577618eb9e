/// e to the power x.
public func exp(_ x: Formula) -> Formula { Formula(.exp, x) }
/// exp(x) − 1, exact for small x.
public func expm1(_ x: Formula) -> Formula { Formula(.expm1, x) }
/// exp(x) up to x = 690, and beyond it the tangent there: where exp(x) does not fit a double, it still grows and has a slope.
public func finiteExp(_ x: Formula) -> Formula {
  let end: Formula = 690
  return exp(minimum(x, end)) + exp(end) * relu(x - end)
}
/// exp(x) − 1 up to x = 690, exact for small x, and beyond it the tangent there, as of `finiteExp`.
public func finiteExpm1(_ x: Formula) -> Formula {
  let end: Formula = 690
  return expm1(minimum(x, end)) + exp(end) * relu(x - end)
}
/// The natural logarithm; a negative x has none, which is an error that names the prompt.
public func log(_ x: Formula) -> Formula { Formula(.log, x) }
/// log(1 + x), exact for small x.
public func log1p(_ x: Formula) -> Formula { Formula(.log1p, x) }
/// The square root.
public func sqrt(_ x: Formula) -> Formula { Formula(.sqrt, x) }
/// The hyperbolic tangent.
public func tanh(_ x: Formula) -> Formula { Formula(.tanh, x) }
/// 1 / (1 + exp(−x)).
public func sigmoid(_ x: Formula) -> Formula { Formula(.sigmoid, x) }
/// log(sigmoid(x)), without underflow.
public func logSigmoid(_ x: Formula) -> Formula { Formula(.logSigmoid, x) }
/// log(1 + exp(x)), without overflow.
public func softplus(_ x: Formula) -> Formula { Formula(.softplus, x) }
/// log(1 − exp(x)) for x < 0.
public func log1mexp(_ x: Formula) -> Formula { Formula(.log1mexp, x) }
/// The absolute value; slope 0 at 0.
public func abs(_ x: Formula) -> Formula { Formula(.abs, x) }
/// x · x.
public func square(_ x: Formula) -> Formula { Formula(.square, x) }
/// max(0, x); slope 0 at 0.
public func relu(_ x: Formula) -> Formula { Formula(.relu, x) }
/// The largest whole number not above x; slope 0.
public func floor(_ x: Formula) -> Formula { Formula(.floor, x) }
/// The smaller one; on a tie the slope is the first one's.
public func minimum(_ a: Formula, _ b: Formula) -> Formula { Formula(.minimum, a, b) }
/// The larger one; on a tie the slope is the first one's.
public func maximum(_ a: Formula, _ b: Formula) -> Formula { Formula(.maximum, a, b) }
/// x, but not below `lower` and not above `upper`; slope 0 at the bounds and beyond.
public func clamp(_ x: Formula, _ lower: Formula, _ upper: Formula) -> Formula { Formula(.clamp, x, lower, upper) }
/// `a` where `condition` > 0, else `b`; the one not taken gives no gradient, whatever its value.
public func select(_ condition: Formula, _ a: Formula, _ b: Formula) -> Formula { Formula(.select, condition, a, b) }
/// x, as a constant for the gradient.
public func stopGradient(_ x: Formula) -> Formula { Formula(.stopGradient, x) }

/// The mean over the prompts of the batch; gradients flow through it unless stopped.
public func batchMean(_ x: Formula) -> Formula { Formula(.batchMean, x) }
/// The sum over the prompts of the batch; gradients flow through it unless stopped.
public func batchSum(_ x: Formula) -> Formula { batchMean(x) * Formula.batchCount }
/// The values of the batch in ascending order, the smallest at the first prompt; a gradient returns to where a value came from.
public func batchSorted(_ x: Formula) -> Formula { Formula(.batchSorted, x) }

/// log Σ exp(xᵢ), without overflow; −∞ of no terms.
public func logSumExp(_ terms: [Formula]) -> Formula {
  guard let first = terms.first else { return Formula(-.infinity) }
  guard terms.count > 1 else { return first }
  let largest = stopGradient(terms.dropFirst().reduce(first, maximum))
  return largest + log(terms.sum { exp($0 - largest) })
}

extension Sequence {
  /// The sum of a formula over the elements; 0 of none.
  public func sum(_ term: (Element) -> Formula) -> Formula {
    // Summed as a balanced tree: fewer roundings, and no deep chain.
    var terms = map(term)
    while terms.count > 1 {
      terms = stride(from: 0, to: terms.count, by: 2).map {
        $0 + 1 < terms.count ? terms[$0] + terms[$0 + 1] : terms[$0]
      }
    }
    return terms.first ?? 0
  }
}
