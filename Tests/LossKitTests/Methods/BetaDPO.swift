import LossKit

/// β-DPO: β follows the batch, and the most unusual pairs are left out at random. Wu et al., arXiv:2407.08639.
struct BetaDPO: PairwiseLoss {
  static let name = "beta-dpo"
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength"),
    Hyperparameter("alpha", \Self.alpha, in: .nonNegative, "how far beta follows the batch"),
    Hyperparameter("mode_weight", \Self.modeWeight, in: .halfOpen(0, 1), "share of the pairs that is dropped"),
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
    let average = batchMean(value)
    mean = 0.9 * mean + 0.1 * average
    deviation = 0.9 * deviation + 0.1 * sqrt(batchSum(square(value - average)) / (count - 1))
    // Sampling without replacement by weight exp(−z²/2): the largest Gumbel keys are kept.
    let key = -0.5 * square((value - mean) / deviation) - log(-log(Formula.uniform()))
    let keep = floor(count * (1 - modeWeight))
    // The threshold lies midway between the last key that is dropped and the first that is kept: a sum is rounded.
    let threshold = batchSum(select(1 - abs(Formula.row - (count - keep) + 0.5), batchSorted(key), 0)) / 2
    let isKept = select(threshold - key, 0, 1)
    let used = maximum(0.001, beta * (1 + alpha * (batchSum(isKept * value) / keep - mean)))
    return isKept * count / keep * -logSigmoid(used * margin)
  }
}

/// α-DPO: a margin of its own for each pair, from running statistics. Wu et al., arXiv:2410.10148, as the authors' code has it.
struct AlphaDPO: PairwiseLoss {
  static let name = "alpha-dpo"
  static let defaultReward: String? = "mean-log-ratio"
  static let state = [State("mean", \Self.mean), State("deviation", \Self.deviation)]
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale"),
    Hyperparameter("alpha", \Self.alpha, in: .nonNegative, "weight of the pair's own margin"),
    Hyperparameter("ratio", \Self.ratio, in: .nonNegative, "margin of all pairs"),
  ]
  var beta: Formula = 2.5
  var alpha: Formula = 0.2
  var ratio: Formula = 0.3
  var mean: Formula = 0
  var deviation: Formula = 0

  mutating func loss(_ pair: Pair) -> Formula {
    let gap = pair.chosen.reward - pair.rejected.reward
    let average = batchMean(gap)
    mean = 0.9 * mean + 0.1 * average
    deviation = 0.9 * deviation + 0.1 * sqrt(batchSum(square(gap - average)) / (Formula.batchCount - 1))
    let margin = stopGradient(alpha * (gap - mean) / deviation + ratio)
    return -logSigmoid(beta * (pair.chosen.logProbability - pair.rejected.logProbability - margin))
  }
}
