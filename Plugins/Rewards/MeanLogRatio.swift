import LossKit

/// The log-ratio per token, (log π − log π_ref) / |y|.
struct MeanLogRatio: RewardParameterization {
  static let name = "mean-log-ratio"
  static let summary = "The log-ratio per token, (log π − log π_ref) / |y|."
  static let documentation = """
    The length counts the end token.

    Neighbors: `log-ratio` by the length; `dpo-norm` is `dpo` over it.

    Elsewhere: What TRL's ipo and sigmoid_norm use; there the length counts one token that is not scored, too (TRL \
    issue 6879).

    Verified against TRL (ipo and sigmoid_norm) and the authors' code of `dil-bce`.
    """

  func reward(_ response: Response) -> Formula {
    (response.logProbability - response.referenceLogProbability) / response.tokenCount
  }
}

/// DPO over this reward.
private let objectives = [
  NamedObjective(
    "dpo-norm", "dpo @ mean-log-ratio",
    summary: "Length-normalized DPO: DPO over log-ratios per token.",
    citation: "Lambert et al., Tülu 3, arXiv:2411.15124",
    documentation: """
      It needs a larger β than `dpo`, by about the length.

      Published: In Tülu 3; β 0.1 here is that of `dpo`.

      Neighbors: `dpo` over means. `simpo` has no reference and a margin.

      Elsewhere: TRL's sigmoid_norm.

      Verified against TRL.
      """)
]

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(MeanLogRatio.self, objectives: objectives, error: error)
}
