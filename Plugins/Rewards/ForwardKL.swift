import LossKit

/// f-DPO's link of the forward KL divergence: 1 − π_ref/π. Wang et al., ICLR 2024, arXiv:2309.16240.
struct ForwardKL: RewardParameterization {
  static let name = "forward-kl"
  static let summary = "The link of the forward KL divergence, 1 − exp(−D): f-DPO's reward that punishes missing mass."
  static let citation = "Wang et al., Beyond Reverse KL (f-DPO), ICLR 2024, arXiv:2309.16240, Table 1"
  static let documentation = """
    1 − exp(−D) with D = log π − log π_ref; the 1 makes it 0 at the reference and cancels in pairs. Its slope exp(−D) \
    grows without bound as a response loses probability. Below D = −690, where exp(−D) does not fit a double, it \
    continues along its tangent.

    Published: β 0.03 in the authors' script for HH.

    Neighbors: `alpha-divergence(alpha=1)`, exactly.

    Elsewhere: The authors' code and TRL (f_divergence_type forward_kl) overflow far below the reference.

    Verified against the authors' code (alecwangcq/f-divergence-dpo) and TRL, with exact values where those are not \
    finite.
    """
  func reward(_ response: Response) -> Formula {
    -finiteExpm1(-(response.logProbability - response.referenceLogProbability))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(ForwardKL.self, error: error)
}
