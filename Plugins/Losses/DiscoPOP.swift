import LossKit

/// Discovered preference optimization: a blend of logistic and exponential loss, found by a language model. Lu et al., arXiv:2406.08414.
struct DiscoPOP: PairwiseLoss {
  static let name = "discopop"
  static let summary =
    "Discovered preference optimization (LRML): logistic and exponential loss, blended by the margin."
  static let citation = "Lu et al., Discovering Preference Optimization Algorithms with and for LLMs, arXiv:2406.08414"
  static let documentation = """
    (1 − m) softplus(−z) + m e⁻ᶻ with z = β (r_w − r_l), m = σ(z/τ). It is not convex and has a local optimum.

    Published: β 0.05 and τ 0.05.

    Neighbors: A blend of `dpo` (where m is 0) and `gpo-exponential` (where m is 1).

    Elsewhere: m e⁻ᶻ is computed as one exponential here; the authors' code and TRL multiply 0 by ∞ where z is far \
    below 0. TRL calls τ discopop_tau.

    Verified against the authors' code (SakanaAI/DiscoPOP), TRL and Liger-Kernel, with exact values where those are \
    not finite.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter("tau", \Self.tau, in: .positive, symbol: "\\tau", "how sharply the two are blended"),
  ]
  var beta: Formula = 0.05
  var tau: Formula = 0.05

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    let exponential = finiteExp(logSigmoid(margin / tau) - margin)
    return sigmoid(-margin / tau) * softplus(-margin) + exponential
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(DiscoPOP.self, error: error)
}
