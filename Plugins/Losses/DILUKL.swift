import LossKit

/// Direct imitation learning: density ratios estimated by unnormalized KL divergence. Xiao et al., arXiv:2503.05079.
struct DILUKL: PairwiseLoss {
  static let name = "dil-ukl"
  static let summary =
    "Direct imitation learning by unnormalized KL divergence: the density ratio of chosen to rejected responses."
  static let citation =
    "Xiao et al., On a Connection Between Imitation Learning and RLHF (DIL), ICLR 2025, arXiv:2503.05079"
  static let documentation = """
    −log π(y_w)/|y_w| + exp(r_l), where r is the log-ratio per token. There is nothing to set. Exponentials that do \
    not fit a double continue along their tangents.

    Neighbors: `sft(per=token)` plus the likelihood ratio of the rejected response. `dil-bce` and `dil-lsif` estimate \
    the same ratio otherwise.

    Elsewhere: The authors' code takes the log-ratio per token, as here, the paper that of the sequence. It is not \
    among the losses of TRL or Liger-Kernel.

    Verified against the authors' code (tengxiao1/DIL).
    """
  static let defaultReward: String? = "mean-log-ratio"

  func loss(_ pair: Pair) -> Formula {
    finiteExp(pair.rejected.reward) - pair.chosen.logProbability / pair.chosen.tokenCount
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(DILUKL.self, error: error)
}
