import LossKit

/// TDPO2: a KL divergence along the sequence enters the margin, the rejected one with its gradient. Zeng et al., arXiv:2404.11999.
struct TDPO2: PairwiseLoss {
  static let name = "tdpo2"
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength"),
    Hyperparameter("alpha", \Self.alpha, in: .nonNegative, "weight of the sequential KL"),
  ]
  static let divergence = Column("policy_kl", differentiable: true)
  var beta: Formula = 0.1
  var alpha: Formula = 0.5

  func loss(_ pair: Pair) -> Formula {
    let divergences = pair.rejected[Self.divergence] - stopGradient(pair.chosen[Self.divergence])
    return -logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward - alpha * divergences))
  }
}

/// WPO: a weight per pair that the policy supplies. Zhou et al., arXiv:2406.11827.
struct WPO: PairwiseLoss {
  static let name = "wpo"
  static let weight = Column("pair_weight", per: .prompt)

  func loss(_ pair: Pair) -> Formula {
    pair.chosen[Self.weight] * -logSigmoid(0.01 * (pair.chosen.reward - pair.rejected.reward))
  }
}

/// RPO: an SFT term in log π beside DPO in the reward. Liu et al., arXiv:2405.16436.
struct RPO: PairwiseLoss {
  static let name = "rpo"
  static let hyperparameters = [Hyperparameter("eta", \Self.eta, in: .nonNegative, "weight of the SFT term")]
  var eta: Formula = 0.005

  func loss(_ pair: Pair) -> Formula {
    -logSigmoid(0.5 * (pair.chosen.reward - pair.rejected.reward)) - eta * 0.5 * pair.chosen.logProbability
  }
}
