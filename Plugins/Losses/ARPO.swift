import LossKit

/// Adaptive-rejection preference optimization: CPO with a weaker rejection if the responses are similar. Xu et al., arXiv:2410.03115.
struct ARPO: PairwiseLoss {
  static let name = "arpo"
  static let summary =
    "Adaptive rejection: CPO whose rejected log-probability counts less where both responses are alike."
  static let citation = "Xu et al., X-ALMA, ICLR 2025, arXiv:2410.03115"
  static let documentation = """
    −log σ(β (log π(y_w) − τ log π(y_l))) + λ NLL(y_w) with τ = min(1, c₁ exp(c₂ |l_w − l_l|) − 1), l the \
    log-probability per token. τ has a gradient, and is −0.1 where the responses are equally likely. The likelihood is \
    a mean over all chosen tokens of the batch. The loss makes its rewards itself and takes no parameterization.

    Published: c₁ 0.9, c₂ 0.4, β 0.1 and λ 1 are the defaults of the authors' code.

    Neighbors: With τ = 1 it is `cpo`.

    Elsewhere: The head of fe1ixxu/ALMA calls it CPO. It is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of the authors' code (fe1ixxu/ALMA).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, symbol: "\\beta", "scale of the log-probabilities"),
    Hyperparameter("scale", \Self.scale, in: .positive, symbol: "c_1", "c₁, how much an alike response is rejected"),
    Hyperparameter("rate", \Self.rate, in: .nonNegative, symbol: "c_2", "c₂, how fast that grows with the distance"),
    Hyperparameter(
      "nll_weight", \Self.weight, in: .nonNegative, symbol: "\\lambda", "weight of the negative log-likelihood"),
    Hyperparameter("per", \Self.unit, "what the log-likelihood is a mean over: sequence, token or batch-token"),
  ]
  static let defaultReward: String? = nil
  var beta: Formula = 0.1
  var scale: Formula = 0.9
  var rate: Formula = 0.4
  var weight: Formula = 1
  var unit = LikelihoodUnit.batchToken

  func loss(_ pair: Pair) -> Formula {
    let means = [pair.chosen, pair.rejected].map { $0.logProbability / $0.tokenCount }
    let rejection = minimum(1, scale * exp(rate * abs(means[0] - means[1])) - 1)
    return -logSigmoid(beta * (pair.chosen.logProbability - rejection * pair.rejected.logProbability))
      + weight * pair.chosen.negativeLogLikelihood(per: unit)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(ARPO.self, error: error)
}
