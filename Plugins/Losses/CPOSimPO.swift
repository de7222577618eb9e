import LossKit

/// CPO-SimPO: SimPO's margin of mean log-probabilities with CPO's likelihood of the chosen response. fe1ixxu/CPO_SIMPO.
struct CPOSimPO: PairwiseLoss {
  static let name = "cpo-simpo"
  static let summary = "CPO-SimPO: SimPO, plus the chosen response's likelihood."
  static let citation = "Xu et al., github.com/fe1ixxu/CPO_SIMPO, 2024"
  static let documentation = """
    −log σ(β (r_w − r_l) − γ) + α NLL(y_w) with r the log-probability per token.

    Published: β 10, γ 5.4, α 0.05 for Llama-3-8B-Instruct, the defaults.

    Neighbors: `simpo` plus α times `sft(per=batch-token)`; `cpo` over means.

    Elsewhere: γ is absolute here, as in TRL's simpo_gamma; `simpo` has the ratio γ/β. In TRL it is CPO with loss_type \
    simpo and cpo_alpha.

    Verified against TRL (preference term and smoothing), and against a closed form.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the mean log-probabilities").scalingRewards(),
    Hyperparameter("gamma", \Self.gamma, in: .nonNegative, symbol: "\\gamma", "target margin, absolute"),
    Hyperparameter(
      "label_smoothing", \Self.labelSmoothing, in: .halfOpen(0, 0.5), symbol: "\\varepsilon",
      "probability that a preference is the wrong way round"),
    Hyperparameter(
      "nll_weight", \Self.weight, in: .nonNegative, symbol: "\\alpha",
      "weight of the negative log-likelihood; cpo_alpha there"),
    Hyperparameter("per", \Self.unit, "what the log-likelihood is a mean over: sequence, token or batch-token"),
  ]
  static let defaultReward: String? = "mean-log-probability"
  var beta: Formula = 10
  var gamma: Formula = 5.4
  var labelSmoothing: Formula = 0
  var weight: Formula = 0.05
  var unit = LikelihoodUnit.batchToken

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward) - gamma
    return -(1 - labelSmoothing) * logSigmoid(margin) - labelSmoothing * logSigmoid(-margin)
      + weight * pair.chosen.negativeLogLikelihood(per: unit)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(CPOSimPO.self, error: error)
}
