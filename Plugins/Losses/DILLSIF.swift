import LossKit

/// Direct imitation learning: density ratios estimated by least squares. Xiao et al., arXiv:2503.05079.
struct DILLSIF: PairwiseLoss {
  static let name = "dil-lsif"
  static let summary = "Direct imitation learning by least squares: the density ratio of chosen to rejected responses."
  static let citation =
    "Xiao et al., On a Connection Between Imitation Learning and RLHF (DIL), ICLR 2025, arXiv:2503.05079"
  static let documentation = """
    −exp(r_w) + ½ exp(2 r_l), where r is the log-ratio per token. There is nothing to set. Exponentials that do not \
    fit a double continue along their tangents.

    Neighbors: `dil-bce` and `dil-ukl` estimate the same ratio otherwise.

    Elsewhere: The authors' code takes the log-ratio per token, as here, the paper that of the sequence. It is not \
    among the losses of TRL or Liger-Kernel.

    Verified against the authors' code (tengxiao1/DIL).
    """
  static let defaultReward: String? = "mean-log-ratio"

  func loss(_ pair: Pair) -> Formula {
    0.5 * finiteExp(2 * pair.rejected.reward) - finiteExp(pair.chosen.reward)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(DILLSIF.self, error: error)
}
