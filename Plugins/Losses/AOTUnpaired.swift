import LossKit

/// Alignment via optimal transport, unpaired: chosen rewards dominate rejected ones, order statistic by order statistic.
/// Melnyk et al., NeurIPS 2024, arXiv:2406.05882.
struct AOTUnpaired: PairwiseLoss {
  static let name = "aot-unpaired"
  static let summary = "Alignment via optimal transport, unpaired: sorted chosen rewards against sorted rejected ones."
  static let citation = "Melnyk et al., Distributional Preference Alignment via Optimal Transport, arXiv:2406.05882"
  static let documentation = """
    The chosen rewards of the batch and the rejected ones are sorted separately, and the k-th is set against the \
    k-th; a gradient returns to the response its value came from. The value at prompt k belongs to the k-th order \
    statistic, not to pair k. It depends on the whole batch.

    Published: β 0.01 in TRL's recipe, by the authors.

    Neighbors: For a batch of one pair it is `dpo`. `aot` sorts margins.

    Elsewhere: TRL up to 0.28 calls it aot_pair, later aot_unpaired; it sorts each device's micro-batch alone.

    Verified against TRL, where the authors contributed it, and the copy of its code in DPO-Shift.
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
    let margin = beta * (batchSorted(pair.chosen.reward) - batchSorted(pair.rejected.reward))
    return -(1 - labelSmoothing) * logSigmoid(margin) - labelSmoothing * logSigmoid(-margin)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(AOTUnpaired.self, error: error)
}
