import LossKit

/// DPO with an offset: the margin must exceed a function of the gap between the scores. Amini et al., arXiv:2402.10571.
struct ODPO: PairwiseLoss {
  static let name = "odpo"
  static let summary =
    "DPO with an offset: how much better the chosen response is scored, the reward margin has to show."
  static let citation =
    "Amini et al., Direct Preference Optimization with an Offset, ACL Findings 2024, arXiv:2402.10571"
  static let documentation = """
    −log σ(β (r_w − r_l) − α log(score_w − score_l)); with offset=ratio the offset is α log(score_w / score_l). The \
    chosen score has to be the higher one, or the logarithm is of a negative number, which is an error that names the \
    prompt; equal scores have an offset of −∞ and loss 0.

    Published: α 1, and 0.5 for IMDb; β 0.7, 0.05 or 0.5 by task.

    Neighbors: With α 0 it is `dpo`.

    Elsewhere: It is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of the authors' code (rycolab/odpo).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength; 0.05 to 0.7 in the paper").scalingRewards(),
    Hyperparameter("alpha", \Self.alpha, in: .nonNegative, symbol: "\\alpha", "weight of the offset"),
    Hyperparameter("offset", \Self.offset, "what the offset is the logarithm of: difference or ratio of the scores"),
  ]
  /// The argument of the offset's logarithm.
  enum Offset: String, CaseIterable, Sendable { case difference, ratio }

  var beta: Formula = 0.5
  var alpha: Formula = 1
  var offset = Offset.difference

  func loss(_ pair: Pair) -> Formula {
    let gap =
      switch offset {
      case .difference: pair.chosen.score - pair.rejected.score
      case .ratio: pair.chosen.score / pair.rejected.score
      }
    return -logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward) - alpha * log(gap))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(ODPO.self, error: error)
}
