import LossKit

/// Balanced preference optimization: the smaller of the two rewards' contributions determines the loss. Sun et al., arXiv:2506.03557.
struct BPO: PairwiseLoss {
  static let name = "bpo"
  static let summary =
    "Balanced preference optimization: the logistic loss of the lesser of chosen reward and −k rejected reward."
  static let citation =
    "Sun et al., BPO: Revisiting Preference Modeling in Direct Preference Optimization, arXiv:2506.03557"
  static let documentation = """
    −log σ(β min(r_w, −k r_l)). Of a pair only the response that is behind gets a gradient; on a tie, as at the start, \
    it is the chosen one.

    Published: k at most 1; its default and that of β are those of oxRL.

    Neighbors: `dpo` adds both merits up; `c2-dpo` balances them by a penalty.

    Elsewhere: oxRL has it; it is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of oxRL, a third party's code. Unverified: the paper and the \
    authors' code, the default of k among it.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter(
      "balance", \Self.balance, in: .positive, symbol: "\\alpha",
      "factor of the rejected reward, at most 1 in the paper"),
  ]
  var beta: Formula = 0.1
  var balance: Formula = 1

  func loss(_ pair: Pair) -> Formula {
    -logSigmoid(beta * minimum(pair.chosen.reward, -balance * pair.rejected.reward))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(BPO.self, error: error)
}
