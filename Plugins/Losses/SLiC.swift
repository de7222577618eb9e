import LossKit

/// SLiC-HF: a hinge loss of the difference of log-probabilities, and likelihood of the chosen response. Zhao et al., arXiv:2305.10425.
struct SLiC: PairwiseLoss {
  static let name = "slic"
  static let summary =
    "SLiC-HF: hinge loss of the log-probabilities' difference, plus the chosen response's likelihood."
  static let citation = "Zhao et al., SLiC-HF, arXiv:2305.10425"
  static let documentation = """
    max(0, δ − log π(y_w) + log π(y_l)) − λ log π(y_w), without a reference; slope 0 at the kink. The paper's \
    regularizer may also run over the SFT targets; here it is the chosen response's.

    Published: δ 1 in nats of a sequence; λ 0.1 in HALOs.

    Neighbors: `hinge(beta=1) + 0.1*sft @ log-probability`, at the defaults. The hinge over log-ratios is `hinge`; \
    `cal-slic` calibrates that.

    Elsewhere: What Cal-DPO's paper calls SLiC is `hinge`. HALOs' trainer adds a loss per token to one per pair, which \
    is an error unless the shapes happen to agree.

    Verified against turbo-alignment (without regularizer). Unverified: the paper's regularizer; there is no code by \
    the authors.
    """
  static let hyperparameters = [
    Hyperparameter(
      "delta", \Self.delta, in: .nonNegative, symbol: "\\delta",
      "margin at which the hinge ends, in nats of a sequence"),
    Hyperparameter(
      "nll_weight", \Self.weight, in: .nonNegative, symbol: "\\lambda",
      "weight of the negative log-likelihood; 0.1 in HALOs"),
    Hyperparameter("per", \Self.unit, "what the log-likelihood is a mean over: sequence, token or batch-token"),
  ]
  static let defaultReward: String? = "log-probability"
  var delta: Formula = 1
  var weight: Formula = 0.1
  var unit = LikelihoodUnit.sequence

  func loss(_ pair: Pair) -> Formula {
    relu(delta - (pair.chosen.reward - pair.rejected.reward)) + weight * pair.chosen.negativeLogLikelihood(per: unit)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(SLiC.self, error: error)
}
