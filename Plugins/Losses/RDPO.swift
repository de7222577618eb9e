import LossKit

/// DPO with a margin for the responses' difference in length. Park et al., arXiv:2403.19159.
struct RDPO: PairwiseLoss {
  static let name = "r-dpo"
  static let summary =
    "DPO regularized by length: a longer chosen response gets a margin, so that length is not what is learned."
  static let citation = "Park et al., Disentangling Length from Quality in DPO, arXiv:2403.19159"
  static let documentation = """
    −log σ(β (r_w − r_l) + α (n_w − n_l)), n being token counts. The sign is plus: a reward less α per token leads to \
    it.

    Published: α 0.05, 0.1, 0.5, 1 and 0.001, 0.002 in others' grids; 0.01 in SamPO's code.

    Neighbors: With α 0 it is `dpo`. `ld-dpo` and `dpo-norm` act against length by the reward.

    Elsewhere: DPO-COV and AIPO print plus, too; the tables of RainbowPO, alpha-DPO and BMC, and oxRL, print minus: a \
    negative alpha is their formula. It is not among the losses of TRL or Liger-Kernel.

    Verified against the copy in LuJunru/SamPO (lenN). Unverified: the paper's body was not readable; no code by the \
    authors was found.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter(
      "alpha", \Self.alpha, in: .any, symbol: "\\alpha",
      "margin for each token of difference; 0.01 to 1 in others' grids"),
  ]
  var beta: Formula = 0.1
  var alpha: Formula = 0.01

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    return -logSigmoid(margin + alpha * (pair.chosen.tokenCount - pair.rejected.tokenCount))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(RDPO.self, error: error)
}
