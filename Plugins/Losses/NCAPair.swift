import LossKit

/// Noise-contrastive alignment of a pair: each response is classified separately. Chen et al., arXiv:2402.05369.
struct NCAPair: PairwiseLoss {
  static let name = "nca-pair"
  static let summary = "Noise-contrastive alignment of a pair: the chosen response against noise, both against it."
  static let citation =
    "Chen et al., Noise Contrastive Alignment of Language Models with Explicit Rewards, NeurIPS 2024, arXiv:2402.05369"
  static let documentation = """
    −log σ(β r_w) − ½ log σ(−β r_w) − ½ log σ(−β r_l). With biased=true the noise is the rejected response alone, −log \
    σ(β r_w) − log σ(−β r_l), the authors' biased form.

    Published: β 0.01; 0.0001 to 0.05 in others' grids.

    Neighbors: `nca` for two responses whose scores are far apart. biased=true is `bco` without its running mean.

    Elsewhere: The same in TRL and Liger-Kernel (nca_pair); biased=true is what TRL calls bco_pair since 0.29.

    Verified against the authors' code (thu-ml/Noise-Contrastive-Alignment), TRL and Liger-Kernel.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the rewards; 0.01 in the paper").scalingRewards(),
    Hyperparameter("biased", \Self.isBiased, "whether the noise is the rejected response alone"),
  ]
  var beta: Formula = 0.01
  var isBiased = false

  func loss(_ pair: Pair) -> Formula {
    let chosen = beta * pair.chosen.reward
    let rejected = beta * pair.rejected.reward
    let noise = isBiased ? -logSigmoid(-rejected) : -0.5 * logSigmoid(-chosen) - 0.5 * logSigmoid(-rejected)
    return noise - logSigmoid(chosen)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(NCAPair.self, error: error)
}
