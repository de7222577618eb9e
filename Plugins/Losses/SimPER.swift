import LossKit

/// SimPER: the inverse perplexity of the chosen response up, that of the rejected one down. Xiao et al., ICLR 2025, arXiv:2502.00883.
struct SimPER: PairwiseLoss {
  static let name = "simper"
  static let summary = "SimPER: inverse perplexity of the rejected response less that of the chosen; nothing to set."
  static let citation = "Xiao et al., SimPER, ICLR 2025, arXiv:2502.00883"
  static let documentation = """
    −exp(log π(y_w)/|y_w|) + exp(log π(y_l)/|y_l|), without reference or hyperparameter. The loss makes its rewards \
    itself and takes no parameterization.

    Neighbors: `simpo` takes the logistic loss of the mean log-probabilities.

    Elsewhere: It is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of the authors' code (tengxiao1/SimPER).
    """
  static let defaultReward: String? = nil

  func loss(_ pair: Pair) -> Formula {
    exp(pair.rejected.logProbability / pair.rejected.tokenCount)
      - exp(pair.chosen.logProbability / pair.chosen.tokenCount)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(SimPER.self, error: error)
}
