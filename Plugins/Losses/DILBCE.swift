import LossKit

/// Direct imitation learning: density ratios estimated by binary cross-entropy. Xiao et al., arXiv:2503.05079.
struct DILBCE: PairwiseLoss {
  static let name = "dil-bce"
  static let summary =
    "Direct imitation learning by binary cross-entropy: the density ratio of chosen to rejected responses."
  static let citation =
    "Xiao et al., On a Connection Between Imitation Learning and RLHF (DIL), ICLR 2025, arXiv:2503.05079"
  static let documentation = """
    −log σ(r_w) − log σ(−r_l), where r is the log-ratio per token. There is nothing to set.

    Neighbors: `nca-pair(biased=true)` over means, at β = 1. `dil-lsif` and `dil-ukl` estimate the same ratio \
    otherwise.

    Elsewhere: The authors' code takes the log-ratio per token, as here, the paper that of the sequence. It is not \
    among the losses of TRL or Liger-Kernel.

    Verified against the authors' code (tengxiao1/DIL).
    """
  static let defaultReward: String? = "mean-log-ratio"

  func loss(_ pair: Pair) -> Formula {
    -logSigmoid(pair.chosen.reward) - logSigmoid(-pair.rejected.reward)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(DILBCE.self, error: error)
}
