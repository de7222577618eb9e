import LossKit

/// Binary classifier optimization of unpaired feedback: rewards are classified relative to their running mean.
/// Jung et al., arXiv:2404.04656, Eqs. 11 and 14.
struct BCOUnpaired: UnpairedLoss {
  static let name = "bco-unpaired"
  static let summary =
    "Binary classifier optimization of unpaired feedback: rewards against their running mean, which is kept as state."
  static let citation = "Jung et al., Binary Classifier Optimization, arXiv:2404.04656, Eqs. 11 and 14"
  static let documentation = """
    −log σ(β r − δ) for a desirable response, −w log σ(δ − β r) for an undesirable one; δ is the running mean of all \
    rewards so far, this batch included: it is updated before it is used, and no gradient flows through it. udm=true \
    matches the underlying distributions: w = clip(p/(1 − p), min_density_ratio, max_density_ratio), where p, the \
    column desirable_probability, is a classifier's probability that the prompt is of the desirable data; otherwise \
    w = 1.

    Published: β 0.1, density ratios from 0.5 to 10.

    Neighbors: Of pairs it is `bco`; `kto` has another loss, and an anchor of mismatched responses.

    Elsewhere: TRL's BCOTrainer, up to 1.0.

    Verified against TRL 1.0's BCOTrainer, which the authors contributed.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter("udm", \Self.matchesDistributions, "whether undesirable responses are weighed by a density ratio"),
    Hyperparameter("min_density_ratio", \Self.smallest, in: .nonNegative, "the least weight"),
    Hyperparameter("max_density_ratio", \Self.largest, in: .positive, "the greatest weight"),
  ]
  static let state = [State("mean", \Self.mean), State("count", \Self.count)]
  /// The probability that the response's prompt is from the desirable data, from 0 to 1.
  private static let probability = Column("desirable_probability")

  var beta: Formula = 0.1
  var matchesDistributions = false
  var smallest: Formula = 0.5
  var largest: Formula = 10
  var mean: Formula = 0
  var count: Formula = 0

  mutating func loss(_ response: Response) -> Formula {
    let reward = beta * response.reward
    count += .batchCount
    mean += (batchMean(reward) - mean) * .batchCount / count
    let shift = stopGradient(mean)
    return select(
      response.label, -logSigmoid(reward - shift), -weight(response) * logSigmoid(shift - reward))
  }

  private func weight(_ response: Response) -> Formula {
    guard matchesDistributions else { return 1 }
    let probability = response[Self.probability]
    // The authors' constant in the denominator keeps the ratio finite at probability 1.
    return clamp(probability / (1 - probability + 1e-8), smallest, largest)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(BCOUnpaired.self, error: error)
}
