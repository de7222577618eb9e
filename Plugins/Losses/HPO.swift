import LossKit

/// Hybrid preference optimization: KTO, and likelihood weighted by the exponential of an advantage. Badrinath et al., arXiv:2405.17956.
struct HPO: UnpairedLoss {
  static let name = "hpo"
  static let summary =
    "Hybrid preference optimization: KTO, plus a likelihood weighed by the exponential of an advantage."
  static let citation = "Badrinath et al., Hybrid Preference Optimization, arXiv:2405.17956, Eq. 27"
  static let documentation = """
    KTO's loss − γ exp(λ A) log π(y) / |y| over all responses, desirable or not. A is the advantage, a column: the \
    auxiliary reward less its expected value given the prompt, which the authors fit by a value head with expectile \
    regression (not a part of this loss, nor is their rule that the term starts at step 100). Nothing bounds the \
    weight: λ = 5 gives up to e⁵ where A ≤ 1.

    Published: γ 0.5 and λ 5; KTO's β is not stated.

    Neighbors: With γ 0 it is `kto`.

    Elsewhere: No code was found, by the authors or by others.

    Unverified: the formula and its listing were read in the paper, no code was found; KTO's β is not stated there. \
    Value and gradient agree with the closed form above.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength; unstated, KTO's").scalingRewards(),
    Hyperparameter("gamma", \Self.gamma, in: .nonNegative, symbol: "\\gamma", "weight of the likelihood"),
    Hyperparameter("lambda", \Self.lambda, in: .nonNegative, symbol: "\\lambda", "sharpness of its weights"),
  ]
  private static let mismatched = Column("mismatched_reward", differentiable: true)
  private static let advantage = Column("advantage")
  var beta: Formula = 0.1
  var gamma: Formula = 0.5
  var lambda: Formula = 5

  func loss(_ response: Response) -> Formula {
    let anchor = stopGradient(relu(batchMean(response[Self.mismatched])))
    let margin = beta * (response.reward - anchor)
    let preference = select(response.label, sigmoid(-margin), sigmoid(margin))
    let meanLogProbability = response.logProbability / response.tokenCount
    return preference - gamma * finiteExp(lambda * response[Self.advantage]) * meanLogProbability
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(HPO.self, error: error)
}
