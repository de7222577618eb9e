import LossKit

/// The log-probability per token, log π / |y|; it needs no reference.
struct MeanLogProbability: RewardParameterization {
  static let name = "mean-log-probability"
  static let summary = "The log-probability per token, log π / |y|; it needs no reference."
  static let documentation = """
    The length counts the end token.

    Neighbors: `log-probability` by the length; `simpo` goes by it, `alpha-probability` bends it.

    Verified against the authors' code (princeton-nlp/SimPO) and TRL, through `simpo`.
    """

  func reward(_ response: Response) -> Formula {
    response.logProbability / response.tokenCount
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(MeanLogProbability.self, error: error)
}
