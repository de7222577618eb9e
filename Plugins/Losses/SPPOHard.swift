import LossKit

/// SPPO with certain wins: rewards are pulled to ±1/(2β). TRL's sppo_hard, after Wu et al., arXiv:2405.00675.
struct SPPOHard: PairwiseLoss {
  static let name = "sppo-hard"
  static let summary = "SPPO with certain wins: the chosen reward is pulled to 1/(2β), the rejected one to −1/(2β)."
  static let citation = "Wu et al., Self-Play Preference Optimization, arXiv:2405.00675"
  static let documentation = """
    (r_w − 1/(2β))² + (r_l + 1/(2β))².

    Published: β 0.001.

    Neighbors: Twice `sppo` with win probabilities 1 and 0. It is the calibration of `cal-dpo`, `cal-ipo` and \
    `cal-slic`; it wants twice the margin of `ipo`.

    Elsewhere: The same in TRL and Liger-Kernel; the authors' code has half of it.

    Verified against TRL, Liger-Kernel, and the copy of TRL's code in DPO-Shift.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "the targets are ±1/(2β); 0.001 in the paper").scalingRewards()
  ]
  var beta: Formula = 0.001

  func loss(_ pair: Pair) -> Formula {
    let target = 1 / (2 * beta)
    return square(pair.chosen.reward - target) + square(pair.rejected.reward + target)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(SPPOHard.self, error: error)
}
