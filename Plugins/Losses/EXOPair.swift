import LossKit

/// EXO of a pair: the reverse KL divergence to a preference that is wrong with probability ε. Ji et al., ICML 2024, arXiv:2402.00856.
struct EXOPair: PairwiseLoss {
  static let name = "exo-pair"
  static let summary = "EXO of a pair: reverse KL from the rewards' preference to one that is wrong with probability ε."
  static let citation =
    "Ji et al., Towards Efficient Exact Optimization of Language Model Alignment, ICML 2024, arXiv:2402.00856"
  static let documentation = """
    σ(z) (log σ(z) − a) + σ(−z) (log σ(−z) − log ε) with z = β (r_w − r_l). The authors' labels are not normalized: a \
    = 0, ε = e⁻¹⁰. With normalized=true a = log(1 − ε). The gradient is σ(z) σ(−z) times a distance, so a pair that is \
    ranked very wrongly gets none.

    Published: β 0.5, log ε −10 in the authors' code; ε 0.001 in TRL's recipe.

    Neighbors: `exo` for two responses; `dpo(label_smoothing=ε)` is, but for a constant, the forward divergence to the \
    same preference.

    Elsewhere: TRL's exo_pair, and Liger-Kernel's, is normalized=true with label_smoothing, which has to be given \
    there; TRL up to 0.28 set it to 0.001 for the other losses, too, where it was 0.

    Verified against the authors' code (haozheji/exact-optimization, exo-pref), TRL and Liger-Kernel.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the rewards").scalingRewards(),
    Hyperparameter(
      "label_smoothing", \Self.labelSmoothing, in: .open(0, 0.5), symbol: "\\varepsilon",
      "ε; the authors' log_epsilon is its logarithm"),
    Hyperparameter("normalized", \Self.isNormalized, "whether the two labels add up to 1, as in TRL"),
  ]
  var beta: Formula = 0.5
  var labelSmoothing: Formula = 4.5399929762484854e-05
  var isNormalized = false

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    let right = isNormalized ? log1p(-labelSmoothing) : 0
    return sigmoid(margin) * (logSigmoid(margin) - right)
      + sigmoid(-margin) * (logSigmoid(-margin) - log(labelSmoothing))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(EXOPair.self, error: error)
}
