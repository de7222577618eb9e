import LossKit

/// MRPO's reward: the log-ratio to a mean of several references, clipped to the base one. Le et al., arXiv:2405.16388.
struct MultiReference: RewardParameterization {
  static let name = "multi-reference"
  static let summary = "MRPO's reward: the log-ratio to a mean of several references, clipped to the last one."
  static let citation = "Le et al., Multi-Reference Preference Optimization, arXiv:2405.16388"
  static let documentation = """
    The last reference is the base; each other one is clipped into p (1 ± ε) of the base's log-probability p, with ε = \
    η times the response's share of the pair's mean log-probability (η < 0: ε = −η). The references' weights are their \
    shares of |log p(y_w) − log p(y_l)| (alpha < 0), or alpha for the first ones together and the rest for the base. \
    No gradient flows through any of it. A merged reference is not normalized: losses that look at absolute rewards \
    are refused over it.

    Published: η 0.1 and alpha −1 (adaptive) in the authors' code, β 0.1.

    Neighbors: With references that are equal it is `log-ratio`; `mrpo` is `dpo` over it. mean=geometric, Σ α_k log \
    p_k, is the exact optimum under a weighted sum of reverse KL divergences.

    Elsewhere: mean=code is the authors' code, in which each of two references takes the other's weight in the \
    harmonic mean (for more than two, in reversed order: our extension); mean=harmonic is the paper's closed form −log \
    Σ α_k exp(−log p_k).

    Verified against the authors' code (thaihungle/MRPO) for two references. Unverified: the paper's body was not \
    readable; harmonic and geometric means, and more references, agree with the closed forms above.
    """
  static let hyperparameters = [
    Hyperparameter(
      "eta", \Self.eta, in: .open(-1, 1), symbol: "\\eta",
      "range of the clipping; negative: the same for both responses"),
    Hyperparameter(
      "alpha", \Self.alpha, in: .closed(-1, 1), symbol: "\\alpha",
      "weight of the references before the base; negative: adaptive"),
    Hyperparameter("mean", \Self.mean, "how the references are merged: code, harmonic or geometric"),
  ]
  /// How the references are merged.
  enum Mean: String, CaseIterable, Sendable { case code, harmonic, geometric }

  static let responseCounts = 2...2
  var eta: Formula = 0.1
  var alpha: Formula = -1
  var mean = Mean.code

  func reward(_ response: Response) -> Formula {
    let count = max(response.referenceCount, 2)
    let base = response.reference(count - 1)
    let references = (0..<count - 1).map { clip(response.reference($0), to: base, of: response, count: count) } + [base]
    let weights = weights(of: response.group, count: count)
    return response.logProbability - merge(references, weights)
  }

  private func clip(_ reference: Formula, to base: Formula, of response: Response, count: Int) -> Formula {
    func size(_ response: Response) -> Formula { abs((0..<count).sum { response.reference($0) } / Formula(count)) }
    let total = response.group.sum { size($0) }
    let range = select(-eta, -eta, select(total, eta * size(response) / total, 0))
    // Log-probabilities are negative: (1 + range) is the lower bound.
    return minimum(maximum(reference, base * (1 + range)), base * (1 - range))
  }

  private func weights(of pair: Ranking, count: Int) -> [Formula] {
    let gaps = (0..<count).map { abs(pair[0].reference($0) - pair[1].reference($0)) }
    let total = gaps.sum { $0 } + 1e-6
    let first = gaps.dropLast().map { select(-alpha, $0 / total, alpha / Formula(count - 1)) }
    return first + [maximum(0, 1 - first.sum { $0 })]
  }

  private func merge(_ references: [Formula], _ weights: [Formula]) -> Formula {
    switch mean {
    case .code: -logSumExp(zip(references, weights.reversed()).map { log($1) - $0 })
    case .harmonic: -logSumExp(zip(references, weights).map { log($1) - $0 })
    case .geometric: zip(references, weights).sum { $1 * $0 }
    }
  }
}

/// Multi-reference preference optimization.
private let objectives = [
  NamedObjective(
    "mrpo", "dpo @ multi-reference",
    summary: "Multi-reference preference optimization: DPO against several references merged into one.",
    citation: "Le et al., Multi-Reference Preference Optimization, arXiv:2405.16388",
    documentation: """
      DPO whose reference is merged from several.

      Published: η 0.1, alpha −1 (adaptive), β 0.1.

      Neighbors: With references that are equal it is `dpo`.

      Elsewhere: The authors' mref_naive is another method: a weighted sum of DPO losses, one for each reference.

      Verified against the authors' code (thaihungle/MRPO) for two references. Unverified: see `multi-reference`.
      """)
]

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(MultiReference.self, objectives: objectives, error: error)
}
