import LossKit

/// DPO that focuses on the pairs it already ranks correctly. Liu et al., arXiv:2501.06645.
struct FocalPO: PairwiseLoss {
  static let name = "focal-po"
  static let summary = "DPO with a weight, without gradient, that favours pairs which are ranked correctly already."
  static let citation = "Liu et al., FocalPO, ACL 2025, arXiv:2501.06645"
  static let documentation = """
    −sg(σ(z))^γ log σ(z) with z = β (r_w − r_l); sg stops the gradient.

    Published: Nothing that was readable; the default of γ is that of oxRL.

    Neighbors: With γ 0 it is `dpo`.

    Elsewhere: oxRL has it; it is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, which is that of oxRL, a third party's code. Unverified: the paper and the \
    authors' code, the default of γ among it.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter("gamma", \Self.gamma, in: .nonNegative, symbol: "\\gamma", "exponent of the weight"),
  ]
  var beta: Formula = 0.1
  var gamma: Formula = 0.05

  func loss(_ pair: Pair) -> Formula {
    let likelihood = logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward))
    return -stopGradient(exp(gamma * likelihood)) * likelihood
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(FocalPO.self, error: error)
}
