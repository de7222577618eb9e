import LossKit

/// β-DPO: β depends on the batch, and outlying pairs are dropped at random. Wu et al., NeurIPS 2024, arXiv:2407.08639.
struct BetaDPO: PairwiseLoss {
  static let name = "beta-dpo"
  static let summary = "β-DPO: β follows the rewards of the batch, and unusual pairs are left out at random."
  static let citation = "Wu et al., beta-DPO, NeurIPS 2024, arXiv:2407.08639"
  static let documentation = """
    Running mean μ and deviation s of the margin start at 0 and move by a tenth of the batch's, before they are used. \
    Of N pairs ⌊N (1 − mode_weight)⌋, and at least one, are drawn without replacement with weights exp(−((margin − \
    μ)/s)²/2); β' = max(0.001, β (1 + α (mean margin of the drawn − μ))) has no gradient; the loss is −log σ(β' \
    margin), scaled so that its mean over the batch is that over the drawn pairs. Where s is 0, as in a batch of one \
    pair, all weights are equal. Because μ and s start at 0, the first steps see margins that are far too large.

    Published: β 0.1, α 0.6, mode_weight 0.2, and 0.9 for what is kept of the running values, in the authors' code.

    Neighbors: With α 0 and mode_weight 0 it is `dpo`. `alpha-dpo`, by the same authors, moves the margin instead of \
    β.

    Elsewhere: The authors' code gives NaN for a batch of one pair, updates the statistics in evaluation, too, and \
    takes means separately on each device. It is not among the losses of TRL or Liger-Kernel.

    Verified against the authors' code (junkangwu/beta-DPO), first step, over the draws.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter("alpha", \Self.alpha, in: .nonNegative, symbol: "\\alpha", "how far β follows the batch"),
    Hyperparameter(
      "mode_weight", \Self.modeWeight, in: .halfOpen(0, 1), symbol: "\\rho", "share of the pairs that is left out"),
  ]
  static let state = [State("mean", \Self.mean), State("deviation", \Self.deviation)]
  var beta: Formula = 0.1
  var alpha: Formula = 0.6
  var modeWeight: Formula = 0.2
  var mean: Formula = 0
  var deviation: Formula = 0

  mutating func loss(_ pair: Pair) -> Formula {
    let margin = pair.chosen.reward - pair.rejected.reward
    let value = stopGradient(margin)
    let count = Formula.batchCount
    updateStatistics(value)
    let kept = maximum(1, floor(count * (1 - modeWeight)))
    let isKept = draw(kept, of: value)
    let used = maximum(0.001, beta * (1 + alpha * (batchSum(isKept * value) / kept - mean)))
    return isKept * count / kept * -logSigmoid(used * margin)
  }

  private mutating func updateStatistics(_ value: Formula) {
    let count = Formula.batchCount
    let average = batchMean(value)
    let variance = select(count - 1, batchSum(square(value - average)) / (count - 1), 0)
    mean = 0.9 * mean + 0.1 * average
    deviation = 0.9 * deviation + 0.1 * sqrt(variance)
  }

  /// 1 for the sampled pairs. The largest Gumbel keys are a sample without replacement.
  private func draw(_ kept: Formula, of value: Formula) -> Formula {
    let count = Formula.batchCount
    let distance = select(deviation, (value - mean) / deviation, 0)
    let key = -0.5 * square(distance) - log(-log(Formula.uniform()))
    // The threshold is midway between the last dropped key and the first kept one, since a sum is rounded.
    let threshold = batchSum(select(1 - abs(Formula.row - (count - kept) + 0.5), batchSorted(key), 0)) / 2
    return select(kept + 0.5 - count, 1, select(threshold - key, 0, 1))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(BetaDPO.self, error: error)
}
