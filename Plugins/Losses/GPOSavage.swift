import LossKit

/// Generalized preference optimization with the Savage loss. Tang et al., ICML 2024, arXiv:2402.05749.
struct GPOSavage: PairwiseLoss {
  static let name = "gpo-savage"
  static let summary = "Generalized preference optimization: Savage loss of the reward margin, bounded on both sides."
  static let citation = "Tang et al., Generalized Preference Optimization, ICML 2024, arXiv:2402.05749, Table 1"
  static let documentation = """
    σ(−z)² with z = β (r_w − r_l), that is 1/(1 + eᶻ)². Badly misranked pairs get little gradient.

    Published: The form, in Table 1; β of 0.1 is DPO's.

    Neighbors: The family's other members are `dpo` (logistic), `hinge`, `gpo-truncated-quadratic`, `gpo-exponential` \
    and `ipo` (squared, at another scale).

    Elsewhere: oxRL has it; it is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of oxRL, a third party's code. Unverified: the paper's body was not \
    readable; there is no code by the authors.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the margin").scalingRewards()
  ]
  var beta: Formula = 0.1

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    return square(sigmoid(-margin))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(GPOSavage.self, error: error)
}
