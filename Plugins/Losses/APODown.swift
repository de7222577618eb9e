import LossKit

/// Anchored preference optimization, down: for a policy that is better than its data. D'Oosterlinck et al., arXiv:2408.06266.
struct APODown: PairwiseLoss {
  static let name = "apo-down"
  static let summary =
    "Anchored preference optimization, down: both responses become unlikelier, the rejected one more so."
  static let citation = "D'Oosterlinck et al., Anchored Preference Optimization, arXiv:2408.06266"
  static let documentation = """
    σ(β r_w) + σ(−β (r_w − r_l)), which is σ(β r_w) + 1 − σ(β (r_w − r_l)) without its cancellation. It is for a \
    policy that is better than its data.

    Published: β 0.1 is TRL's default; 0.001 to 0.2 in others' grids for `apo-zero`.

    Neighbors: `apo-zero` pushes the chosen response up instead. Both are anchored: absolute rewards matter. Not to be \
    confused with `apo-momentum`.

    Elsewhere: The same in TRL (apo_down) and Liger-Kernel. TRL with an f-divergence mixes the raw log-ratio of the \
    chosen term with the link of the margin; here one parameterization holds for both. Another method called APO is \
    adversarial (Linear95/APO).

    Verified against TRL, where the authors contributed it, Liger-Kernel and turbo-alignment.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards()
  ]
  var beta: Formula = 0.1

  func loss(_ pair: Pair) -> Formula {
    sigmoid(beta * pair.chosen.reward) + sigmoid(-beta * (pair.chosen.reward - pair.rejected.reward))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(APODown.self, error: error)
}
