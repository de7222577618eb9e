import LossKit

/// IPO with the calibration of Cal-DPO: a pull of each implicit reward towards ±1/(2β).
/// Xiao et al., NeurIPS 2024, arXiv:2412.14516, §4.3.
struct CalIPO: PairwiseLoss {
  static let name = "cal-ipo"
  static let summary = "IPO, plus Cal-DPO's pull of each implicit reward towards ±1/(2β)."
  static let citation = "Xiao et al., Cal-DPO, NeurIPS 2024, arXiv:2412.14516, §4.3"
  static let documentation = """
    (r_w − r_l − 1/(2β))² + c [(r_w − 1/(2β))² + (r_l + 1/(2β))²]. The two terms want different margins: IPO 1/(2β), \
    the calibration 1/β. With c = 1 they settle at r_w = −r_l = (2/3) · 1/(2β).

    Published: Neither formula nor coefficient; c = 1 is Cal-DPO's.

    Neighbors: `ipo` plus c times `sppo-hard`, at one β; `cal-dpo` calibrates the logistic loss.

    Elsewhere: No code was found, by the authors or by others.

    Unverified: the paper says that IPO is calibrated in this way and prints neither the formula nor the coefficient; \
    no code was found. Value and gradient agree with the closed form above.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "the margin's target is 1/(2β), the calibration's ±1/(2β)")
      .scalingRewards(),
    Hyperparameter(
      "calibration", \Self.calibration, in: .nonNegative, symbol: "c",
      "weight of the calibration; unstated, 1 as in Cal-DPO"),
  ]
  var beta: Formula = 0.1
  var calibration: Formula = 1

  func loss(_ pair: Pair) -> Formula {
    let target = 1 / (2 * beta)
    return square(pair.chosen.reward - pair.rejected.reward - target)
      + calibration * (square(pair.chosen.reward - target) + square(pair.rejected.reward + target))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(CalIPO.self, error: error)
}
