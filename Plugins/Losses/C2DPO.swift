import LossKit

/// Constrained controlled DPO: DPO with a constraint that the two rewards of a pair are opposite. Asadi et al., arXiv:2502.17507.
struct C2DPO: PairwiseLoss {
  static let name = "c2-dpo"
  static let summary = "Constrained controlled DPO: DPO, plus the squared sum of the two rewards."
  static let citation = "Asadi et al., C2-DPO: Constrained Controlled Direct Preference Optimization, arXiv:2502.17507"
  static let documentation = """
    −log σ(β (r_w − r_l)) + λ (r_w + r_l)²: what one response gains the other has to lose.

    Published: Nothing that was readable; the default of λ is that of oxRL.

    Neighbors: With λ 0 it is `dpo`. `cal-dpo` holds each reward at a target, this one their sum at 0.

    Elsewhere: oxRL has it; it is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of oxRL, a third party's code. Unverified: the paper and the \
    authors' code, the default of λ among it.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter("lambda", \Self.lambda, in: .nonNegative, symbol: "\\lambda", "weight of the constraint"),
  ]
  var beta: Formula = 0.1
  var lambda: Formula = 0.001

  func loss(_ pair: Pair) -> Formula {
    -logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward))
      + lambda * square(pair.chosen.reward + pair.rejected.reward)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(C2DPO.self, error: error)
}
