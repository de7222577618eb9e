import LossKit

/// f-DPO's link of the Jensen–Shannon divergence: log 2σ(D). Wang et al., ICLR 2024, arXiv:2309.16240.
struct JensenShannon: RewardParameterization {
  static let name = "jensen-shannon"
  static let summary = "The link of the Jensen–Shannon divergence, log σ(D) + log 2: bounded above, linear below."
  static let citation = "Wang et al., Beyond Reverse KL (f-DPO), ICLR 2024, arXiv:2309.16240, Table 1"
  static let documentation = """
    log σ(D) + log 2 with D = log π − log π_ref, which is 0 at the reference and at most log 2.

    Published: β 0.3 in the authors' script for HH.

    Neighbors: Far below the reference it is `log-ratio` plus log 2. `forward-kl` and `alpha-divergence` are f-DPO's \
    others.

    Elsewhere: TRL up to 0.28 subtracts softplus(D) from the log-ratios, which is the same; its softplus is rounded \
    above 20.

    Verified against the authors' code (alecwangcq/f-divergence-dpo) and TRL.
    """
  func reward(_ response: Response) -> Formula {
    logSigmoid(response.logProbability - response.referenceLogProbability) + 0.6931471805599453
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(JensenShannon.self, error: error)
}
