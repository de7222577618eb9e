import LossKit

/// Token-level DPO, first form: the margin of the rewards and of the responses' sequential KL divergences. Zeng et al., arXiv:2404.11999.
struct TDPO1: PairwiseLoss {
  static let name = "tdpo1"
  static let summary =
    "Token-level DPO, first form: the sequential KL divergences enter the margin with their gradients."
  static let citation = "Zeng et al., Token-level Direct Preference Optimization, ICML 2024, arXiv:2404.11999, Eq. 16"
  static let documentation = """
    −log σ(β (r_w − r_l − (K_l − K_w))), where K is the sum over a response's tokens of KL(π_ref ‖ π) over the \
    vocabulary: the column policy_kl, which the policy supplies and differentiates.

    Published: β 0.1.

    Neighbors: `dpo` less the difference of the divergences. `tdpo2` weighs them by α and stops the chosen one's \
    gradient.

    Elsewhere: The authors' configuration runs this form, `if_tdpo2: false`, although its comment says the other. \
    Their softmax(…).log() gives NaN for vocabulary entries that underflow. It is not among the losses of TRL or \
    Liger-Kernel.

    Verified against a closed form, which is that of the authors' code \
    (Vance0124/Token-level-Direct-Preference-Optimization).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards()
  ]
  /// Σ KL(π_ref ‖ π) over the response's tokens, each over the whole vocabulary, in nats.
  private static let divergence = Column("policy_kl", differentiable: true)
  var beta: Formula = 0.1

  func loss(_ pair: Pair) -> Formula {
    let divergences = pair.rejected[Self.divergence] - pair.chosen[Self.divergence]
    return -logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward - divergences))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(TDPO1.self, error: error)
}
