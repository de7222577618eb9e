import LossKit

/// Maximum preference optimization: the probability of the preference itself, and likelihood. Jiang et al., arXiv:2312.16430.
struct MPO: PairwiseLoss {
  static let name = "mpo"
  static let summary =
    "Maximum preference optimization: the preference's probability itself, plus the chosen response's likelihood."
  static let citation =
    "Jiang et al., Preference as Reward: Maximum Preference Optimization with Importance Sampling, arXiv:2312.16430"
  static let documentation = """
    −σ(log π(y_w) − log π(y_l)) − a log π(y_w), without reward model and reference. The paper regularizes on SFT data, \
    and on pre-training data where it has them; here the likelihood is the chosen response's.

    Published: Nothing that was readable; the weight of the likelihood is unstated.

    Neighbors: `cpo` takes the logarithm of the same preference.

    Elsewhere: What TRL and InternVL call MPO is mixed preference optimization, `0.8*dpo + 0.2*nca-pair(biased=true) + \
    sft`. No code of this MPO was found.

    Unverified: the paper's body was not readable; the formula is from its abstract and from memory, the weight of the \
    likelihood is not known. Value and gradient agree with the closed form above.
    """
  static let hyperparameters = [
    Hyperparameter(
      "nll_weight", \Self.weight, in: .nonNegative, symbol: "a", "weight of the negative log-likelihood; unstated"),
    Hyperparameter("per", \Self.unit, "what the log-likelihood is a mean over: sequence, token or batch-token"),
  ]
  static let defaultReward: String? = "log-probability"
  var weight: Formula = 1
  var unit = LikelihoodUnit.sequence

  func loss(_ pair: Pair) -> Formula {
    -sigmoid(pair.chosen.reward - pair.rejected.reward) + weight * pair.chosen.negativeLogLikelihood(per: unit)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(MPO.self, error: error)
}
