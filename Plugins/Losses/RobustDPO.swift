import LossKit

/// DPO, debiased for preferences that are wrong with a known probability. Chowdhury et al., ICML 2024, arXiv:2403.00409.
struct RobustDPO: PairwiseLoss {
  static let name = "robust-dpo"
  static let summary = "DPO made unbiased under preferences that are flipped with probability ε."
  static let citation = "Chowdhury et al., Provably Robust DPO, ICML 2024, arXiv:2403.00409"
  static let documentation = """
    [−(1−ε) log σ(z) + ε log σ(−z)] / (1 − 2ε) with z = β (r_w − r_l). It is unbounded below: it falls along −ε \
    z/(1−2ε), and its gradient never changes sign.

    Published: ε is the share of preferences that are flipped; β as DPO's.

    Neighbors: With label_smoothing 0 it is `dpo`; the conservative form, with a minimum at a finite margin, is \
    `dpo(label_smoothing=…)`.

    Elsewhere: The same in TRL and Liger-Kernel (robust).

    Verified against TRL, Liger-Kernel, and the copy of TRL's code in DPO-Shift.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter(
      "label_smoothing", \Self.labelSmoothing, in: .halfOpen(0, 0.5), symbol: "\\varepsilon",
      "probability that a preference is the wrong way round"),
  ]
  var beta: Formula = 0.1
  var labelSmoothing: Formula = 0.1

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    return (-(1 - labelSmoothing) * logSigmoid(margin) + labelSmoothing * logSigmoid(-margin))
      / (1 - 2 * labelSmoothing)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(RobustDPO.self, error: error)
}
