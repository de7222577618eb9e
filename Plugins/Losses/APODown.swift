import LossKit

/// Anchored preference optimization, down: for a policy that is better than its data. D'Oosterlinck et al., arXiv:2408.06266.
struct APODown: PairwiseLoss {
  static let name = "apo-down"
  static let summary =
    "Anchored preference optimization, down: both responses become unlikelier, the rejected one more so."
  static let citation = "D'Oosterlinck et al., Anchored Preference Optimization, arXiv:2408.06266"
  static let documentation = """
    σ(β r_w) + σ(−β (r_w − r_l)), which is σ(β r_w) + 1 − σ(β (r_w − r_l)) without its cancellation.

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

/// What a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_ host: UnsafeRawPointer?, _ error: UnsafeMutableRawPointer?) -> UnsafeRawPointer? {
  Plugin.export(APODown.self, error: error)
}
