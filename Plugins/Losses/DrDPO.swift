import LossKit

/// Distributionally robust DPO: a soft minimum of the losses of the batch. Wu et al., ICLR 2025, arXiv:2407.07880.
struct DrDPO: PairwiseLoss {
  static let name = "dr-dpo"
  static let summary =
    "Distributionally robust DPO: a soft minimum of the batch's DPO losses, which discounts noisy pairs."
  static let citation = "Wu et al., Towards Robust Alignment of Language Models (Dr. DPO), ICLR 2025, arXiv:2407.07880"
  static let documentation = """
    −β′ log mean exp(−L/β′) over the batch, L being DPO's loss of a pair: the same value for every prompt. It depends \
    on the whole batch.

    Published: β′ 1.

    Neighbors: The larger β′, the closer to `dpo`; for a batch of one pair it is `dpo`.

    Elsewhere: oxRL has it; it is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of oxRL, a third party's code. Unverified: the authors' code.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter(
      "beta_prime", \Self.temperature, in: .positive, symbol: "\\beta'",
      "temperature of the soft minimum; 1 in the paper"),
  ]
  var beta: Formula = 0.1
  var temperature: Formula = 1

  func loss(_ pair: Pair) -> Formula {
    let exponent = logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward)) / temperature
    let isLast = 1.5 - (Formula.batchCount - Formula.row)
    let largest = stopGradient(batchSum(select(isLast, batchSorted(exponent), 0)))
    return -temperature * (largest + log(batchMean(exp(exponent - largest))))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(DrDPO.self, error: error)
}
