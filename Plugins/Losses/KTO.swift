import LossKit

/// Kahneman–Tversky optimization: unpaired feedback against an anchor shared by the batch. Ethayarajh et al., arXiv:2402.01306.
struct KTO: UnpairedLoss {
  static let name = "kto"
  static let summary =
    "Kahneman–Tversky optimization: desirable and undesirable responses against an anchor that the batch shares."
  static let citation = "Ethayarajh et al., KTO, ICML 2024, arXiv:2402.01306, Eq. 8"
  static let documentation = """
    λ_D σ(−β (r − z₀)) for a desirable response, λ_U σ(β (r − z₀)) for an undesirable one; z₀ = max(0, mean of the \
    rewards of responses to other prompts), without a gradient. Those rewards come from the objective's own \
    parameterization over the mismatched_ columns; a batch that lacks them is refused.

    Published: β 0.1 and λ_D = λ_U = 1; λ_D n_D / (λ_U n_U) should lie in [1, 4/3].

    Neighbors: anchored=false takes z₀ = 0, which is `apo-zero` for single responses. `hpo` adds a likelihood with \
    weights.

    Elsewhere: TRL's KTOTrainer and HALOs have it, which leaves rewards of exactly 0 out of the anchor's mean; anchored=false is TRL's apo_zero_unpaired. The paired shortcut \
    kto_pair of older libraries takes the anchors from the pairs themselves, with gradients: `kto-pair`; EasyDeL computes `dpo` \
    under that name, and mlx-tune has no anchor.

    Verified against the authors' code (ContextualAI/HALOs), TRL and Liger-Kernel.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter(
      "desirable_weight", \Self.desirable, in: .nonNegative, symbol: "\\lambda_D", "weight of desirable responses"),
    Hyperparameter(
      "undesirable_weight", \Self.undesirable, in: .nonNegative, symbol: "\\lambda_U",
      "weight of undesirable responses"),
    Hyperparameter("anchored", \Self.isAnchored, "whether rewards are compared with the anchor, or with 0"),
  ]
  private static let mismatched = Column("mismatched_reward", differentiable: true)
  var beta: Formula = 0.1
  var desirable: Formula = 1
  var undesirable: Formula = 1
  var isAnchored = true

  func loss(_ response: Response) -> Formula {
    let anchor = isAnchored ? stopGradient(relu(batchMean(response[Self.mismatched]))) : 0
    let margin = beta * (response.reward - anchor)
    return select(response.label, desirable * sigmoid(-margin), undesirable * sigmoid(margin))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(KTO.self, error: error)
}
