import LossKit

/// Identity preference optimization: the squared distance of the reward margin from 1/(2τ).
/// Azar et al., AISTATS 2024, arXiv:2310.12036, Eq. 17.
struct IPO: PairwiseLoss {
  static let name = "ipo"
  static let summary = "Identity preference optimization: the squared distance of the reward margin from 1/(2β)."
  static let citation = "Azar et al., A General Theoretical Paradigm (IPO), AISTATS 2024, arXiv:2310.12036, Eq. 17"
  static let documentation = """
    (r_w − r_l − 1/(2β))². The paper's τ is called beta, as everywhere in the field. The margin is of sums over \
    tokens, as in the paper's formula. The loss is 1/(4β²) where the policy equals the reference.

    Published: τ 0.1 is usual; 0.0007 to 0.1 in others' grids.

    Neighbors: `cal-ipo` calibrates it. It wants half the margin that `sppo-hard` wants at the same β.

    Elsewhere: eric-mitchell's code, OpenRLHF and NeMo-Aligner take sums, as here; TRL (since 2024), HALOs, \
    LLaMA-Factory and mlx-lm-lora divide each log-ratio by its own length: that is `ipo @ mean-log-ratio`, and needs \
    another beta, larger by about the length.

    Verified against eric-mitchell/direct-preference-optimization (sums) and TRL (means).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, symbol: "\\tau", "the margin's target is 1/(2β)").scalingRewards()
  ]
  var beta: Formula = 0.1

  func loss(_ pair: Pair) -> Formula {
    square(pair.chosen.reward - pair.rejected.reward - 1 / (2 * beta))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(IPO.self, error: error)
}
