import LossKit

/// Weighted preference optimization: DPO, each pair weighted by its likelihood under the policy. Zhou et al., arXiv:2406.11827.
struct WPO: PairwiseLoss {
  static let name = "wpo"
  static let summary =
    "Weighted preference optimization: DPO with weights by how likely the policy itself is to say the pair."
  static let citation = "Zhou et al., WPO, EMNLP 2024, arXiv:2406.11827"
  static let documentation = """
    min(1, exp(A_w + A_l)) times DPO, without a gradient through the weight; A is a response's mean over its tokens of \
    log π(y_t) − log Σ_v π(v)². The policy supplies policy_log_collision, the sum of log Σ_v π(v)² over the response's \
    tokens.

    Published: β 0.01.

    Neighbors: `dpo`, each pair weighed.

    Elsewhere: TRL has dropped the bound of 1 since 0.29: clamped=false; TRL 0.15 to 0.28 computes the weights one \
    token beside the mask.

    Verified against the authors' code (wzhouad/WPO), loss and weights, and TRL.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength; 0.01 in the paper").scalingRewards(),
    Hyperparameter(
      "label_smoothing", \Self.labelSmoothing, in: .halfOpen(0, 0.5), symbol: "\\varepsilon",
      "probability that a preference is the wrong way round"),
    Hyperparameter("clamped", \Self.isClamped, "whether a pair's weight is at most 1"),
  ]
  /// Σ log Σ_v π(v)² over the response's tokens, in nats.
  private static let collision = Column("policy_log_collision")
  var beta: Formula = 0.01
  var labelSmoothing: Formula = 0
  var isClamped = true

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    let exponent = stopGradient(weight(pair.chosen) + weight(pair.rejected))
    let factor = isClamped ? exp(minimum(exponent, 0)) : finiteExp(exponent)
    return factor * (-(1 - labelSmoothing) * logSigmoid(margin) - labelSmoothing * logSigmoid(-margin))
  }

  private func weight(_ response: Response) -> Formula {
    (response.logProbability - response[Self.collision]) / response.tokenCount
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(WPO.self, error: error)
}
