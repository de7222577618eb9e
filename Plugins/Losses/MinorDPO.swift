import LossKit

/// DPO in which the rejected reward has an effect only while it is above the reference. Xie et al., arXiv:2408.09834.
struct MinorDPO: PairwiseLoss {
  static let name = "minor-dpo"
  static let summary = "DPO that stops pushing a rejected response down once it is below the reference."
  static let citation = "Xie et al., Minor DPO reject penalty, arXiv:2408.09834"
  static let documentation = """
    −log σ(β (r_w − max(0, r_l))). At the start policy and reference are equal, r_l is 0, and the rejected response \
    gets no gradient: the slope at the kink is 0, and from then on only pairs whose r_l drifted above 0 give it one.

    Published: No hyperparameter beside DPO's β.

    Neighbors: `dpo` where r_l is above 0. `dpop` bends the chosen reward instead, `dpo-shift` scales the rejected \
    one.

    Elsewhere: oxRL has it; it is not among the losses of TRL or Liger-Kernel.

    Verified against oxRL, a third party's code, which agrees with the paper's abstract. Unverified: the paper's body \
    and the authors' code were not readable.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards()
  ]
  var beta: Formula = 0.1

  func loss(_ pair: Pair) -> Formula {
    -logSigmoid(beta * (pair.chosen.reward - relu(pair.rejected.reward)))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(MinorDPO.self, error: error)
}
