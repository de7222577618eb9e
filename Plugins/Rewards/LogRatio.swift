import LossKit

/// The log-ratio log π − log π_ref, a sum over the response's tokens: DPO's implicit reward.
struct LogRatio: RewardParameterization {
  static let name = "log-ratio"
  static let summary = "The log-ratio log π − log π_ref, a sum over the response's tokens: DPO's implicit reward."
  static let documentation = """
    Rafailov et al., arXiv:2305.18290: the implicit reward without its β, which belongs to the loss.

    Neighbors: `mean-log-ratio` divides it by the length, `length-desensitized` weighs its tokens, `alpha-divergence` \
    and the other links bend it.

    Elsewhere: TRL's rewards/chosen are β times it.

    Verified against the authors' code (eric-mitchell/direct-preference-optimization) and TRL, through `dpo`.
    """

  func reward(_ response: Response) -> Formula {
    response.logProbability - response.referenceLogProbability
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(LogRatio.self, error: error)
}
