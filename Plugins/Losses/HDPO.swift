import LossKit

/// H-DPO: DPO with different weights for the policy's entropy and its cross-entropy to the reference. Omura et al., arXiv:2411.07595.
struct HDPO: PairwiseLoss {
  static let name = "h-dpo"
  static let summary = "H-DPO: DPO with a factor on the policy's own log-probabilities, which controls its entropy."
  static let citation = "Omura et al., Entropy Controllable Direct Preference Optimization, arXiv:2411.07595"
  static let documentation = """
    −log σ(α β (log π(y_w) − log π(y_l)) − β (log π_ref(y_w) − log π_ref(y_l))). α below 1 makes the policy sharper. \
    It is written as DPO's margin plus (α − 1) β times the difference of the log-probabilities.

    Published: Nothing that was readable; the defaults are those of oxRL.

    Neighbors: α = 1 is `dpo`.

    Elsewhere: oxRL has it; it is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of oxRL, a third party's code. Unverified: the authors' code.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter("alpha", \Self.alpha, in: .positive, symbol: "\\alpha", "factor of the policy's log-probabilities"),
  ]
  var beta: Formula = 0.1
  var alpha: Formula = 0.95

  func loss(_ pair: Pair) -> Formula {
    let margin = pair.chosen.reward - pair.rejected.reward
    let likelihoods = pair.chosen.logProbability - pair.rejected.logProbability
    return -logSigmoid(beta * (margin + (alpha - 1) * likelihoods))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(HDPO.self, error: error)
}
