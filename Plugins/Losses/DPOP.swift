import LossKit

/// DPO-Positive: DPO with a penalty if the chosen response falls below the reference. Pal et al., arXiv:2402.13228, Eq. 3.
struct DPOP: PairwiseLoss {
  static let name = "dpop"
  static let summary = "DPO-Positive: DPO, less λ times what the chosen reward has fallen below 0, within the margin."
  static let citation = "Pal et al., Smaug (DPO-Positive), arXiv:2402.13228, Eq. 3"
  static let documentation = """
    −log σ(β (r_w − r_l − λ max(0, −r_w))). At the start r_w is 0, at the kink: the slope of the penalty is 0 there.

    Published: β 0.3 and λ 50; 5 to 500 in use.

    Neighbors: With λ 0 it is `dpo`. `minor-dpo` bends the rejected reward instead, `cal-dpo` holds both.

    Elsewhere: The penalty stands inside the log-sigmoid; an early version of the paper had it outside, and some code \
    still has. At the kink SamPO's maximum has slope 1/2, turbo-alignment's relu 0. mlx-lm-lora has dpop; it is not \
    among the losses of TRL or Liger-Kernel.

    Verified against LuJunru/SamPO, which cites the authors. Unverified: the paper's body was not readable; there is \
    no code by the authors.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength; 0.3 in the paper").scalingRewards(),
    Hyperparameter(
      "lambda", \Self.lambda, in: .nonNegative, symbol: "\\lambda", "weight of the penalty; 5 to 500 in use"),
  ]
  var beta: Formula = 0.3
  var lambda: Formula = 50

  func loss(_ pair: Pair) -> Formula {
    let penalty = lambda * relu(-pair.chosen.reward)
    return -logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward - penalty))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(DPOP.self, error: error)
}
