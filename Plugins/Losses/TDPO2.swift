import LossKit

/// Token-level DPO, second form: the rejected response's sequential KL divergence alone has a gradient. Zeng et al., arXiv:2404.11999.
struct TDPO2: PairwiseLoss {
  static let name = "tdpo2"
  static let summary =
    "Token-level DPO, second form: the sequential KL divergences enter by α, the chosen one without gradient."
  static let citation = "Zeng et al., Token-level Direct Preference Optimization, ICML 2024, arXiv:2404.11999, Eq. 18"
  static let documentation = """
    −log σ(β (r_w − r_l − α (K_l − sg K_w))), where K is the sum over a response's tokens of KL(π_ref ‖ π) over the \
    vocabulary: the column policy_kl, which the policy supplies and differentiates; sg stops the gradient.

    Published: β 0.1 and α 0.5.

    Neighbors: `tdpo1` has α = 1 and both gradients; with α 0 it is `dpo`.

    Elsewhere: It is not among the losses of TRL or Liger-Kernel.

    Verified against the authors' code (Vance0124/Token-level-Direct-Preference-Optimization).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter("alpha", \Self.alpha, in: .nonNegative, symbol: "\\alpha", "weight of the divergences"),
  ]
  /// Σ KL(π_ref ‖ π) over the response's tokens, each over the whole vocabulary, in nats.
  private static let divergence = Column("policy_kl", differentiable: true)
  var beta: Formula = 0.1
  var alpha: Formula = 0.5

  func loss(_ pair: Pair) -> Formula {
    let divergences = pair.rejected[Self.divergence] - stopGradient(pair.chosen[Self.divergence])
    return -logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward - alpha * divergences))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(TDPO2.self, error: error)
}
