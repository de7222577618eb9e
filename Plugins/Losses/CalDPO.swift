import LossKit

/// Calibrated DPO: DPO at β = 1, plus a pull of each implicit reward towards ±1/(2β).
/// Xiao et al., NeurIPS 2024, arXiv:2412.14516, Eq. 10.
struct CalDPO: PairwiseLoss {
  static let name = "cal-dpo"
  static let summary = "Calibrated DPO: DPO, plus a pull of each implicit reward towards ±1/(2β)."
  static let citation = "Xiao et al., Cal-DPO, NeurIPS 2024, arXiv:2412.14516, Eq. 10"
  static let documentation = """
    The log-sigmoid carries no β: β sets the calibration target alone. Absolute rewards matter, so the \
    parameterization has to be 0 at the reference. It comes to rest at r_w = −r_l = 1/(2β) + σ(r_l − r_w)/(2c).

    Published: β 0.001 (0.001 to 0.1 tried) and c = 1 in the paper, App. B.1; in others' grids β from 0.00003 to \
    0.003.

    Neighbors: With calibration 1 it is `dpo` at β = 1 plus `sppo-hard` at its own β; without calibration it is `dpo` \
    at β = 1. At β 0.001 the calibration's gradient at the start is 2000 times as large as DPO's. `cal-ipo` and \
    `cal-slic` calibrate other losses.

    Elsewhere: Two of the authors' three code variants weigh the squared errors by 1, the one for Zephyr \
    (tengxiao1/Cal-DPO) by 0.5: calibration=0.5. The pseudocode in the paper's appendix has a typo, which the author \
    confirmed: Eq. 10 is right. No other library has it.

    Verified against the authors' code for Zephyr (tengxiao1/Cal-DPO) and Pythia (Cal-DPO/Cal-DPO); theirs for Mistral \
    has the second's formula.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength; the calibration target is ±1/(2β). Paper: 0.001")
      .scalingRewards(),
    Hyperparameter(
      "calibration", \Self.calibration, in: .nonNegative, symbol: "c", "weight of the squared errors; 1 in the paper"),
  ]
  var beta: Formula = 0.001
  var calibration: Formula = 1

  func loss(_ pair: Pair) -> Formula {
    let target = 1 / (2 * beta)
    return -logSigmoid(pair.chosen.reward - pair.rejected.reward)
      + calibration * (square(pair.chosen.reward - target) + square(pair.rejected.reward + target))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(CalDPO.self, error: error)
}
