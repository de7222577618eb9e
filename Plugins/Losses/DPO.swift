import LossKit

/// Direct preference optimization: the Bradley–Terry likelihood of the preference under the implicit rewards.
/// Rafailov et al., NeurIPS 2023, arXiv:2305.18290, Eq. 7; label smoothing (cDPO) after Mitchell's note of 2023.
struct DPO: PairwiseLoss {
  static let name = "dpo"
  static let summary = "Direct preference optimization: the logistic loss of the reward margin."
  static let citation = "Rafailov et al., Direct Preference Optimization, NeurIPS 2023, arXiv:2305.18290, Eq. 7"
  static let documentation = """
    With label_smoothing ε it is cDPO, −(1−ε) log σ(z) − ε log σ(−z): its minimum lies at a finite margin. TRL up to 0.28 \
    computes the same under the name sigmoid; from 0.29 on its sigmoid ignores label_smoothing.

    Verified against the authors' code (eric-mitchell/direct-preference-optimization) and TRL.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength; 0.1 to 0.5 in the paper").scalingRewards(),
    Hyperparameter(
      "label_smoothing", \Self.labelSmoothing, in: .halfOpen(0, 0.5), symbol: "\\varepsilon",
      "probability that a preference is the wrong way round"),
  ]
  var beta: Formula = 0.1
  var labelSmoothing: Formula = 0

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    return -(1 - labelSmoothing) * logSigmoid(margin) - labelSmoothing * logSigmoid(-margin)
  }
}

/// What a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_ host: UnsafeRawPointer?, _ error: UnsafeMutableRawPointer?) -> UnsafeRawPointer? {
  Plugin.export(DPO.self, error: error)
}
