import LossKit

/// Aligned supervised fine-tuning: likelihood, and separate classification of each response's log-odds. Wang et al., arXiv:2409.10571.
struct ASFT: PairwiseLoss {
  static let name = "asft"
  static let summary =
    "Aligned supervised fine-tuning: likelihood, plus a logistic loss of each response's own log-odds."
  static let citation = "Wang et al., ASFT, arXiv:2409.10571"
  static let documentation = """
    w (−l_w) + λ [−log σ(β o_w) − log σ(−β o_l)], where l is the log-probability per token and o its log-odds, l − \
    log(1 − exp(l)). The zero of the log-odds is at even odds, not at the reference, so the loss makes them itself and \
    takes no parameterization.

    Published: β 0.05 to 2 in others' grids.

    Neighbors: `orpo` takes the logistic loss of the log-odds' difference, not of each separately.

    Elsewhere: turbo-alignment has it; it is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of turbo-alignment. Unverified: the defaults of λ and β; there is no \
    code by the authors.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, symbol: "\\beta", "scale of the log-odds"),
    Hyperparameter("lambda", \Self.lambda, in: .nonNegative, symbol: "\\lambda", "weight of the two classifications"),
    Hyperparameter("nll_weight", \Self.weight, in: .nonNegative, "weight of the negative log-likelihood"),
  ]
  static let defaultReward: String? = nil
  var beta: Formula = 1
  var lambda: Formula = 0.1
  var weight: Formula = 1

  func loss(_ pair: Pair) -> Formula {
    let preference = -logSigmoid(beta * logOdds(pair.chosen)) - logSigmoid(-beta * logOdds(pair.rejected))
    return weight * pair.chosen.negativeLogLikelihood(per: .token) + lambda * preference
  }

  private func logOdds(_ response: Response) -> Formula {
    let mean = response.logProbability / response.tokenCount
    // At probability 1 the odds are infinite; just below they are finite, and the slope is that of the line.
    let inside = mean - stopGradient(relu(mean + 1e-300))
    return mean - log1mexp(inside)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(ASFT.self, error: error)
}
