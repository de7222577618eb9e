import LossKit

/// χPO's link of the mixed χ² and KL divergence: π/π_ref + log(π/π_ref). Huang et al., arXiv:2407.13399.
struct ChiSquared: RewardParameterization {
  static let name = "chi-squared"
  static let summary = "The mixed χ² and KL link, exp(D) − 1 + D: χPO's reward."
  static let citation = "Huang et al., Correcting the Mythos of KL-Regularization (χPO), arXiv:2407.13399"
  static let documentation = """
    exp(clip(αD, −88, cap)) − 1 + γD with D = log π − log π_ref; the −1 makes it 0 at the reference and cancels in \
    pairs. The clip is essential for sums over tokens: exp(D) soon outgrows all else. Beyond it the slope is γ alone.

    Published: α = γ = 1 is the paper's formula; the clip at 20 and other α and γ (1/4 and 1, 0.1 and 1) are of its \
    experiments.

    Neighbors: `chi-po` is `dpo` over it with the whole margin clipped, too. Without the exponential it is \
    `log-ratio`.

    Elsewhere: oxRL clips D itself at ±20, within the exponential alone; another third party clips each side of the \
    margin.

    Verified against oxRL, a third party's code, within the clip. Unverified: the authors' code was not found; the \
    clip is quoted from the paper by a third party.
    """
  static let hyperparameters = [
    Hyperparameter("alpha", \Self.alpha, in: .positive, symbol: "\\alpha", "exponent of the ratio"),
    Hyperparameter("gamma", \Self.gamma, in: .nonNegative, symbol: "\\gamma", "weight of the log-ratio"),
    Hyperparameter("cap", \Self.cap, in: .closed(0, 690), "the largest exponent"),
  ]
  var alpha: Formula = 1
  var gamma: Formula = 1
  var cap: Formula = 20

  func reward(_ response: Response) -> Formula {
    let ratio = response.logProbability - response.referenceLogProbability
    return expm1(clamp(alpha * ratio, -88, cap)) + gamma * ratio
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(ChiSquared.self, error: error)
}
