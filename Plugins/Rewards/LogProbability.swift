import LossKit

/// The log-probability log π, a sum over the response's tokens; it needs no reference.
struct LogProbability: RewardParameterization {
  static let name = "log-probability"
  static let summary = "The log-probability log π, a sum over the response's tokens; it needs no reference."
  static let documentation = """
    It has no zero at the reference, so losses that look at absolute rewards are refused over it.

    Neighbors: `log-ratio` without its reference; `cpo` and `slic` go by it.

    Verified against TRL, Liger-Kernel and turbo-alignment, through `cpo` and `slic`.
    """

  func reward(_ response: Response) -> Formula {
    response.logProbability
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(LogProbability.self, error: error)
}
