// Functions composed of operations. Functions that are one operation are in Operations, beside their entries.

/// exp(x) for x ≤ 690, continued by its tangent at 690. It keeps growing, with a nonzero slope, where exp(x) overflows a double.
public func finiteExp(_ x: Formula) -> Formula {
  let end: Formula = 690
  return exp(minimum(x, end)) + exp(end) * relu(x - end)
}
/// exp(x) − 1 for x ≤ 690, accurate for small x, continued by its tangent at 690.
public func finiteExpm1(_ x: Formula) -> Formula {
  let end: Formula = 690
  return expm1(minimum(x, end)) + exp(end) * relu(x - end)
}

/// The sum over the prompts of the batch; gradients flow through it unless stopped.
public func batchSum(_ x: Formula) -> Formula { batchMean(x) * Formula.batchCount }

/// log Σ exp(xᵢ), without overflow; −∞ for no terms.
public func logSumExp(_ terms: [Formula]) -> Formula {
  guard let first = terms.first else { return Formula(-.infinity) }
  guard terms.count > 1 else { return first }
  let largest = stopGradient(terms.dropFirst().reduce(first, maximum))
  return largest + log(terms.sum { exp($0 - largest) })
}

extension Sequence {
  /// The sum of a formula over the elements; 0 for no elements.
  public func sum(_ term: (Element) -> Formula) -> Formula {
    // A balanced tree has fewer roundings and no deep chain.
    var terms = map(term)
    while terms.count > 1 {
      terms = stride(from: 0, to: terms.count, by: 2).map {
        $0 + 1 < terms.count ? terms[$0] + terms[$0 + 1] : terms[$0]
      }
    }
    return terms.first ?? 0
  }
}
