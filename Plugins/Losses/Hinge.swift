import LossKit

/// The hinge loss of the reward margin: SLiC's calibration term over log-ratios, with margin 1.
/// Liu et al., RSO, ICLR 2024, arXiv:2309.06657, "hinge-norm".
struct Hinge: PairwiseLoss {
  static let name = "hinge"
  static let summary = "Hinge loss of the reward margin (hinge-norm); slope 0 at the kink."
  static let citation = "Liu et al., Statistical Rejection Sampling (RSO), ICLR 2024, arXiv:2309.06657, hinge-norm"
  static let documentation = """
    max(0, 1 − β (r_w − r_l)): beyond a margin of 1/β nothing is pushed.

    Published: β (γ there) 0.05.

    Neighbors: `slic` is it over log-probabilities, with a likelihood; `gpo-truncated-quadratic` is its square; \
    `cal-slic` calibrates it.

    Elsewhere: TRL's and Liger-Kernel's hinge, torchtune's RSO, and what Cal-DPO's paper calls SLiC.

    Verified against TRL.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "1/β is the margin at which the loss ends; 0.05 in RSO")
      .scalingRewards()
  ]
  var beta: Formula = 0.05

  func loss(_ pair: Pair) -> Formula {
    relu(1 - beta * (pair.chosen.reward - pair.rejected.reward))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(Hinge.self, error: error)
}
