import LossKit

/// Alignment via optimal transport, paired: the policy's margins dominate the reference's, order statistic by order statistic.
/// Melnyk et al., NeurIPS 2024, arXiv:2406.05882.
struct AOT: PairwiseLoss {
  static let name = "aot"
  static let summary =
    "Alignment via optimal transport, paired: sorted policy margins against sorted reference margins."
  static let citation = "Melnyk et al., Distributional Preference Alignment via Optimal Transport, arXiv:2406.05882"
  static let documentation = """
    The margins log π(y_w) − log π(y_l) of the batch and those of the reference are each sorted, and the \
    k-th is set against the k-th; a gradient returns to the pair its value came from. The value at prompt k belongs to \
    the k-th order statistic, not to pair k. It depends on the whole batch, so the trainer evaluates the whole \
    optimizer batch.

    Published: β 0.01 in TRL's recipe, by the authors.

    Neighbors: For a batch of one pair it is `dpo`. `aot-unpaired` sorts chosen and rejected rewards instead of \
    margins.

    Elsewhere: TRL's aot sorts each device's micro-batch alone, so its value depends on the micro-batch.

    Verified against TRL, where the authors contributed it.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength; 0.01 in TRL's recipe").scalingRewards(),
    Hyperparameter(
      "label_smoothing", \Self.labelSmoothing, in: .halfOpen(0, 0.5), symbol: "\\varepsilon",
      "probability that a preference is the wrong way round"),
  ]
  var beta: Formula = 0.01
  var labelSmoothing: Formula = 0

  func loss(_ pair: Pair) -> Formula {
    let policy = batchSorted(pair.chosen.logProbability - pair.rejected.logProbability)
    let reference = batchSorted(pair.chosen.referenceLogProbability - pair.rejected.referenceLogProbability)
    let margin = beta * (policy - reference)
    return -(1 - labelSmoothing) * logSigmoid(margin) - labelSmoothing * logSigmoid(-margin)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(AOT.self, error: error)
}
