import LossKit

/// f-DPO's link of the α-divergence, from the reverse KL at α = 0 to the forward KL at α = 1. Wang et al., ICLR 2024, arXiv:2309.16240.
struct AlphaDivergence: RewardParameterization {
  static let name = "alpha-divergence"
  static let summary = "The link of the α-divergence, (1 − exp(−αD))/α: reverse KL at α = 0, forward KL at α = 1."
  static let citation = "Wang et al., Beyond Reverse KL (f-DPO), ICLR 2024, arXiv:2309.16240, Table 1"
  static let documentation = """
    (1 − exp(−αD))/α with D = log π − log π_ref. It is exact at both ends. Where exp(−αD) does not fit a double it \
    continues along its tangent.

    Published: 0 < α < 1, from 0.1 to 0.9; β 0.3 in the authors' script for HH.

    Neighbors: At α = 0 it is `log-ratio`, at α = 1 `forward-kl`; `f-dpo` is `dpo` over it.

    Elsewhere: TRL's f_alpha_divergence_coef is 1 − α since 0.29 and was α before, with default 1: the same setting \
    meant forward KL there and means reverse KL now. TRL holds the exponent at 80, with slope 0 beyond: \
    trl_clamp=true.

    Verified against TRL (both conventions), with exact values where it is not finite, and at its ends against the \
    authors' code (alecwangcq/f-divergence-dpo).
    """
  static let hyperparameters = [
    Hyperparameter(
      "alpha", \Self.alpha, in: .closed(-2, 2), symbol: "\\alpha",
      "which divergence; the authors' convention, 1 − α in TRL"),
    Hyperparameter("trl_clamp", \Self.hasClamp, "whether the exponent is held at 80, with slope 0 beyond, as in TRL"),
  ]
  var alpha: Formula = 0.5
  var hasClamp = false

  func reward(_ response: Response) -> Formula {
    let ratio = response.logProbability - response.referenceLogProbability
    let exponent = -alpha * ratio
    let link = -(hasClamp ? expm1(minimum(exponent, 80)) : finiteExpm1(exponent)) / alpha
    // Below this α the two are equal to the last bit, and the quotient would lose digits.
    return select(abs(alpha) - 1e-150, link, ratio)
  }
}

/// f-DPO: DPO over the link of a divergence, here the α-divergence, which covers the reverse to the forward KL.
private let objectives = [
  NamedObjective(
    "f-dpo", "dpo @ alpha-divergence",
    summary: "f-DPO: DPO over the link of an α-divergence; alpha reaches from the reverse KL to the forward KL.",
    citation: "Wang et al., Beyond Reverse KL (f-DPO), ICLR 2024, arXiv:2309.16240",
    documentation: """
      f-DPO is DPO with another link. This name has the α-divergence's.

      Published: β 0.3 and α 0.1 to 0.9 with this link.

      Neighbors: alpha=0 is `dpo`, alpha=1 is `dpo @ forward-kl`. The third of the paper's divergences is `dpo @ \
      jensen-shannon`.

      Elsewhere: TRL's f_divergence_type; see `alpha-divergence` for its α.

      Verified against TRL (both conventions) and, at both ends, the authors' code (alecwangcq/f-divergence-dpo).
      """)
]

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(AlphaDivergence.self, objectives: objectives, error: error)
}
