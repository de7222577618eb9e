import LossKit

/// Calibrated DPO: DPO at β = 1, plus a pull of each implicit reward towards ±1/(2β).
/// Xiao et al., NeurIPS 2024, arXiv:2412.14516, Eq. 10.
struct CalDPO: PairwiseLoss {
  static let name = "cal-dpo"
  static let summary = "Calibrated DPO: DPO, plus a pull of each implicit reward towards ±1/(2β)."
  static let citation = "Xiao et al., Cal-DPO, NeurIPS 2024, arXiv:2412.14516, Eq. 10"
  static let documentation = """
    The log-sigmoid carries no β: β sets the calibration target alone. Absolute rewards matter, so the parameterization \
    has to be 0 at the reference. The paper and two of the authors' three code variants weigh the squared errors by 1; \
    the variant for Zephyr (tengxiao1/Cal-DPO) by 0.5. The pseudocode in the paper's appendix has a typo, which the \
    author confirmed: Eq. 10 is right. With calibration 1 it is BT at β = 1 plus sppo-hard at β.

    Verified against the authors' code of all three variants.
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

/// What a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_ host: UnsafeRawPointer?, _ error: UnsafeMutableRawPointer?) -> UnsafeRawPointer? {
  Plugin.export(CalDPO.self, error: error)
}
