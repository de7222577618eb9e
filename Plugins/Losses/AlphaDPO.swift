import LossKit

/// α-DPO: SimPO with a per-pair margin from running statistics. Wu et al., arXiv:2410.10148, as in the authors' code.
struct AlphaDPO: PairwiseLoss {
  static let name = "alpha-dpo"
  static let summary = "α-DPO: SimPO with a margin for each pair that follows its reward gap."
  static let citation = "Wu et al., alpha-DPO, arXiv:2410.10148"
  static let documentation = """
    −log σ(β (l_w − l_l − c)) with l the log-probability per token and c = α (gap − μ)/s + ratio, without a gradient; \
    gap is that of the rewards, the log-ratios per token. Running mean μ and deviation s start at 0 and move by a \
    tenth of the batch's, before they are used: the first steps see a margin about ten times too large. Where s is 0 \
    the gap counts nothing.

    Published: β, ratio, α of 2.5, 0.15, 0.05 for Mistral-Instruct; 2.5, 0.6, 0.2 Llama-3; 10, 0.4, 0.2 Llama-3 v0.2; \
    10, 0.4, 0.05 Gemma-2.

    Neighbors: With α 0 it is `simpo`. `beta-dpo`, by the same authors, lets β follow the batch instead of the margin.

    Elsewhere: The paper differs from the authors' code, which is computed here: its margin stands outside of β, and \
    its statistics are those of the whole training set. It is not among the losses of TRL or Liger-Kernel.

    Verified against the authors' code (junkangwu/alpha-DPO), first step.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the mean log-probabilities").scalingRewards(),
    Hyperparameter("alpha", \Self.alpha, in: .nonNegative, symbol: "\\alpha", "weight of the pair's own margin"),
    Hyperparameter(
      "ratio", \Self.ratio, in: .nonNegative, symbol: "\\gamma/\\beta", "margin of all pairs; gamma_beta_ratio there"),
  ]
  static let defaultReward: String? = "mean-log-ratio"
  static let state = [State("mean", \Self.mean), State("deviation", \Self.deviation)]
  var beta: Formula = 2.5
  var alpha: Formula = 0.2
  var ratio: Formula = 0.6
  var mean: Formula = 0
  var deviation: Formula = 0

  mutating func loss(_ pair: Pair) -> Formula {
    let gap = stopGradient(pair.chosen.reward - pair.rejected.reward)
    let count = Formula.batchCount
    let average = batchMean(gap)
    let variance = select(count - 1, batchSum(square(gap - average)) / (count - 1), 0)
    mean = 0.9 * mean + 0.1 * average
    deviation = 0.9 * deviation + 0.1 * sqrt(variance)
    let own = alpha * select(deviation, (gap - mean) / deviation, 0)
    let likelihoods = [pair.chosen, pair.rejected].map { $0.logProbability / $0.tokenCount }
    return -logSigmoid(beta * (likelihoods[0] - likelihoods[1] - (own + ratio)))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(AlphaDPO.self, error: error)
}
