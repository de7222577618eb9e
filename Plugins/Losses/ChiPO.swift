import LossKit

/// χ²-preference optimization: DPO over the mixed χ² and KL link, the margin clipped. Huang et al., arXiv:2407.13399.
struct ChiPO: PairwiseLoss {
  static let name = "chi-po"
  static let summary = "χ²-preference optimization: logistic loss over the mixed χ² and KL link, its margin clipped."
  static let citation = "Huang et al., Correcting the Mythos of KL-Regularization (χPO), arXiv:2407.13399"
  static let documentation = """
    −log σ(clip(β (r_w − r_l), ±2 R_max)) over the reward exp(D) + D of `chi-squared`. Where the clip is reached the \
    slope is 0, on the badly misranked side, too: such pairs are dead.

    Published: β 0.05 and 0.005 in the paper's experiments.

    Neighbors: Without the clip it is `dpo @ chi-squared`, f-DPO with the divergence χ²/2 + KL.

    Elsewhere: The clip is on the difference; one third party clips each side, which is another loss, and oxRL clips \
    nothing. It is not among the losses of TRL or Liger-Kernel.

    Verified against oxRL, a third party's code, where the clip is not reached. Unverified: the value of R_max, which \
    no readable text states (10 is a third party's), and the authors' code, which was not found.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "strength of the regularization").scalingRewards(),
    Hyperparameter(
      "maximum_reward", \Self.maximum, in: .positive, symbol: "R_{\\max}",
      "bound of a reward; the margin is clipped at twice it"),
  ]
  static let defaultReward: String? = "chi-squared"
  var beta: Formula = 0.05
  var maximum: Formula = 10

  func loss(_ pair: Pair) -> Formula {
    -logSigmoid(clamp(beta * (pair.chosen.reward - pair.rejected.reward), -2 * maximum, 2 * maximum))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(ChiPO.self, error: error)
}
