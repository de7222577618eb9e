import LossKit

/// AlphaPO's reward: a power of the mean log-probability's exponential. Gupta et al., ICML 2025, arXiv:2501.03884.
struct AlphaProbability: RewardParameterization {
  static let name = "alpha-probability"
  static let summary = "AlphaPO's reward (1 − exp(−α l))/α of the mean log-probability l; it needs no reference."
  static let citation = "Gupta et al., AlphaPO, ICML 2025, arXiv:2501.03884"
  static let documentation = """
    (1 − exp(−α l))/α of the mean log-probability l; α > 0 punishes unlikely responses more. Where exp(−α l) does not \
    fit a double it continues along its tangent.

    Published: α 0.25 for Mistral-Instruct.

    Neighbors: α = 0 is `mean-log-probability`, exactly; `alpha-po` is `simpo` over it.

    Elsewhere: TRL raises exp(l) to a power, which underflows below −708.

    Verified against TRL. Unverified: there is no code by the authors.
    """
  static let hyperparameters = [
    Hyperparameter(
      "alpha", \Self.alpha, in: .closed(-2, 2), symbol: "\\alpha", "shape of the reward; 0.25 for Mistral-Instruct")
  ]
  var alpha: Formula = 0.25

  func reward(_ response: Response) -> Formula {
    let mean = response.logProbability / response.tokenCount
    // Below this α the two are equal to the last bit, and the quotient would lose digits.
    return select(abs(alpha) - 1e-150, -finiteExpm1(-alpha * mean) / alpha, mean)
  }
}

/// AlphaPO.
private let objectives = [
  NamedObjective(
    "alpha-po", "simpo(beta=2.5,gamma_beta_ratio=0.04) @ alpha-probability",
    summary: "AlphaPO: SimPO over a power of the mean probability, whose shape alpha decides.",
    citation: "Gupta et al., AlphaPO, ICML 2025, arXiv:2501.03884",
    documentation: """
      SimPO over a bent mean log-probability.

      Published: α 0.25, β 2.5 and γ 0.1 for Mistral-Instruct, the defaults here; that is a ratio γ/β of 0.04.

      Neighbors: With alpha=0 it is `simpo`.

      Elsewhere: TRL takes 0.1 as γ; the paper may mean it as the ratio, which is SimPO's for that model.

      Verified against TRL. Unverified: whether the published 0.1 is γ or γ/β; there is no code by the authors.
      """)
]

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(AlphaProbability.self, objectives: objectives, error: error)
}
