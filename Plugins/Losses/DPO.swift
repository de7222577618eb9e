import LossKit

/// Direct preference optimization: the Bradley–Terry likelihood of the preference under the implicit rewards.
/// Rafailov et al., NeurIPS 2023, arXiv:2305.18290, Eq. 7; label smoothing (cDPO) after Mitchell's note of 2023.
struct DPO: PairwiseLoss {
  static let name = "dpo"
  static let summary = "Direct preference optimization: the logistic loss of the reward margin."
  static let citation = "Rafailov et al., Direct Preference Optimization, NeurIPS 2023, arXiv:2305.18290, Eq. 7"
  static let documentation = """
    −log σ(z) with z = β (r_w − r_l). With label_smoothing ε it is cDPO, −(1−ε) log σ(z) − ε log σ(−z): its minimum \
    lies at the finite margin logit(1 − ε)/β. The loss is log 2 where the policy equals the reference.

    Published: β 0.1 to 0.5; ε 0.2 in HALOs' recipes.

    Neighbors: `ipo`, `hinge`, `gpo-exponential` and `gpo-savage` are other functions of the same margin; `cal-dpo`, \
    `dpop` and `c2-dpo` hold the absolute rewards, too. `plackett-luce` and `info-nca` are it for rankings.

    Elsewhere: TRL's sigmoid; TRL up to 0.28 computes cDPO there, and from 0.29 on ignores label_smoothing. OpenRLHF \
    and torchtune mix as cDPO does; TRL's robust is `robust-dpo`. LD-DPO's and f-DPO's options of TRL are the \
    parameterizations `length-desensitized`, `alpha-divergence`, `forward-kl` and `jensen-shannon`.

    Verified against the authors' code (eric-mitchell/direct-preference-optimization) and TRL.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength; 0.1 to 0.5 in the paper").scalingRewards(),
    Hyperparameter(
      "label_smoothing", \Self.labelSmoothing, in: .halfOpen(0, 0.5), symbol: "\\varepsilon",
      "probability that a preference is the wrong way round"),
  ]
  var beta: Formula = 0.1
  var labelSmoothing: Formula = 0

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    return -(1 - labelSmoothing) * logSigmoid(margin) - labelSmoothing * logSigmoid(-margin)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(DPO.self, error: error)
}
