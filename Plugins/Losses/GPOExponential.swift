import LossKit

/// Generalized preference optimization with the exponential loss. Tang et al., ICML 2024, arXiv:2402.05749.
struct GPOExponential: PairwiseLoss {
  static let name = "gpo-exponential"
  static let summary = "Generalized preference optimization: exponential loss of the reward margin."
  static let citation = "Tang et al., Generalized Preference Optimization, ICML 2024, arXiv:2402.05749, Table 1"
  static let documentation = """
    e⁻ᶻ with z = β (r_w − r_l). Where e⁻ᶻ does not fit a double it continues along its tangent.

    Published: The form, in Table 1; β of 0.1 is DPO's.

    Neighbors: The family's other members are `dpo` (logistic), `hinge`, `gpo-truncated-quadratic`, `gpo-savage` and \
    `ipo` (squared, at another scale).

    Elsewhere: oxRL has it; it is not among the losses of TRL or Liger-Kernel.

    Verified against oxRL, a third party's code. Unverified: the paper's body was not readable; there is no code by \
    the authors.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the margin").scalingRewards()
  ]
  var beta: Formula = 0.1

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    return finiteExp(-margin)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(GPOExponential.self, error: error)
}
