import LossKit

/// Contrastive preference optimization: the logistic loss of log-probabilities, and likelihood of the chosen response.
/// Xu et al., ICML 2024, arXiv:2401.08417.
struct CPO: PairwiseLoss {
  static let name = "cpo"
  static let summary =
    "Contrastive preference optimization: DPO without a reference, plus the chosen response's likelihood."
  static let citation = "Xu et al., Contrastive Preference Optimization, ICML 2024, arXiv:2401.08417"
  static let documentation = """
    −log σ(β (log π(y_w) − log π(y_l))) + λ NLL(y_w).

    Published: β 0.1 and λ 1.

    Neighbors: `dpo + sft(per=batch-token) @ log-probability`. `arpo` rejects less where the responses are alike, \
    `cpo-simpo` takes means.

    Elsewhere: The authors' code, and TRL, take the likelihood as a mean over all chosen tokens of the batch \
    (per=batch-token), the paper as that of a sequence (per=token), turbo-alignment as a sum (per=sequence); they \
    differ by about the length. TRL's cpo_alpha is λ. Liger-Kernel's CPO ignores TRL's loss_type. The head of the \
    authors' repository (fe1ixxu/ALMA) is no longer CPO but `arpo`.

    Verified against fe1ixxu/ALMA at 28997eb26, TRL and Liger-Kernel (preference term), and TRL's sft (likelihood).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the log-probabilities").scalingRewards(),
    Hyperparameter(
      "label_smoothing", \Self.labelSmoothing, in: .halfOpen(0, 0.5), symbol: "\\varepsilon",
      "probability that a preference is the wrong way round"),
    Hyperparameter(
      "nll_weight", \Self.weight, in: .nonNegative, symbol: "\\lambda", "weight of the negative log-likelihood"),
    Hyperparameter("per", \Self.unit, "what the log-likelihood is a mean over: sequence, token or batch-token"),
  ]
  static let defaultReward: String? = "log-probability"
  var beta: Formula = 0.1
  var labelSmoothing: Formula = 0
  var weight: Formula = 1
  var unit = LikelihoodUnit.batchToken

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    return -(1 - labelSmoothing) * logSigmoid(margin) - labelSmoothing * logSigmoid(-margin)
      + weight * pair.chosen.negativeLogLikelihood(per: unit)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(CPO.self, error: error)
}
