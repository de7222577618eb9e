import LossKit

/// Anchored preference optimization, zero: chosen rewards up and rejected ones down, both from 0. D'Oosterlinck et al., arXiv:2408.06266.
struct APOZero: PairwiseLoss {
  static let name = "apo-zero"
  static let summary =
    "Anchored preference optimization, zero: chosen responses become likelier, rejected ones unlikelier."
  static let citation = "D'Oosterlinck et al., Anchored Preference Optimization, arXiv:2408.06266"
  static let documentation = """
    σ(−β r_w) + σ(β r_l), which is 1 − σ(β r_w) + σ(β r_l) without its cancellation. It saturates on both sides.

    Published: β 0.1 is TRL's default; 0.001 to 0.2 in others' grids.

    Neighbors: It is `kto` with its anchor held at 0, on both responses of a pair: the unpaired form, TRL's \
    apo_zero_unpaired, is `kto(anchored=false)`. `apo-down` pushes the chosen response down. Not to be confused with \
    `apo-momentum`.

    Elsewhere: The same in TRL (apo_zero) and Liger-Kernel. Another method called APO is adversarial (Linear95/APO).

    Verified against TRL, where the authors contributed it, Liger-Kernel and turbo-alignment.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards()
  ]
  var beta: Formula = 0.1

  func loss(_ pair: Pair) -> Formula {
    sigmoid(-beta * pair.chosen.reward) + sigmoid(beta * pair.rejected.reward)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(APOZero.self, error: error)
}
