import LossKit

/// Binary classifier optimization: each response is classified relative to a running mean of the rewards.
/// Jung et al., arXiv:2404.04656, Eq. 11.
struct BCO: PairwiseLoss {
  static let name = "bco"
  static let summary = "Binary classifier optimization: rewards against their running mean, which is kept as state."
  static let citation = "Jung et al., Binary Classifier Optimization, arXiv:2404.04656"
  static let documentation = """
    −log σ(β r_w − δ) − log σ(δ − β r_l), where δ is the running mean of all rewards so far, this batch included: it \
    is updated before it is used, and no gradient flows through it.

    Published: β 0.1.

    Neighbors: With δ = 0 it is `nca-pair(biased=true)`; of unpaired feedback it is `bco-unpaired`.

    Elsewhere: TRL's DPOTrainer has had no δ in its bco_pair since 0.29; LLaMA-Factory has the running mean; EasyDeL \
    takes the batch's mean, with a gradient. The weights by underlying distribution of TRL's BCOTrainer are in `bco-unpaired`.

    Verified against TRL 0.28, whose BCO code its authors contributed.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards()
  ]
  static let state = [State("mean", \Self.mean), State("count", \Self.count)]
  var beta: Formula = 0.1
  var mean: Formula = 0
  var count: Formula = 0

  mutating func loss(_ pair: Pair) -> Formula {
    let chosen = beta * pair.chosen.reward
    let rejected = beta * pair.rejected.reward
    count += .batchCount
    mean += (batchMean((chosen + rejected) / 2) - mean) * .batchCount / count
    let shift = stopGradient(mean)
    return -logSigmoid(chosen - shift) - logSigmoid(shift - rejected)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(BCO.self, error: error)
}
