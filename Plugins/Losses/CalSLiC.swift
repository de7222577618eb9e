import LossKit

/// The hinge loss with the calibration of Cal-DPO: a pull of each implicit reward towards ±1/(2β).
/// Xiao et al., NeurIPS 2024, arXiv:2412.14516, §4.3.
struct CalSLiC: PairwiseLoss {
  static let name = "cal-slic"
  static let summary = "Hinge loss (SLiC), plus Cal-DPO's pull of each implicit reward towards ±1/(2β)."
  static let citation = "Xiao et al., Cal-DPO, NeurIPS 2024, arXiv:2412.14516, §4.3"
  static let documentation = """
    max(0, 1 − β (r_w − r_l)) + c [(r_w − 1/(2β))² + (r_l + 1/(2β))²]. Both terms are content at r_w = −r_l = 1/(2β), \
    which is where the hinge has its kink; its slope there is 0.

    Published: Neither formula nor coefficient; c = 1 is Cal-DPO's.

    Neighbors: `hinge` plus c times `sppo-hard`, at one β. The paper calls the hinge over log-ratios SLiC; `slic` is \
    SLiC-HF.

    Elsewhere: No code was found, by the authors or by others.

    Unverified: the paper says that SLiC is calibrated in this way and prints neither the formula nor the coefficient; \
    no code was found. Value and gradient agree with the closed form above.
    """
  static let hyperparameters = [
    Hyperparameter(
      "beta", \Self.beta, in: .positive, "1/β is the margin at which the hinge ends, ±1/(2β) the calibration's target"
    ).scalingRewards(),
    Hyperparameter(
      "calibration", \Self.calibration, in: .nonNegative, symbol: "c",
      "weight of the calibration; unstated, 1 as in Cal-DPO"),
  ]
  var beta: Formula = 0.1
  var calibration: Formula = 1

  func loss(_ pair: Pair) -> Formula {
    let target = 1 / (2 * beta)
    return relu(1 - beta * (pair.chosen.reward - pair.rejected.reward))
      + calibration * (square(pair.chosen.reward - target) + square(pair.rejected.reward + target))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(CalSLiC.self, error: error)
}
