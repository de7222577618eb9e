// Functions made of operations. Those that are operations stand beside their entries, in Operations.

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

/// The sum over the prompts of the batch; gradients flow through it unless stopped.
public func batchSum(_ x: Formula) -> Formula { batchMean(x) * Formula.batchCount }

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
