import LossKit

/// ORPO's reward: the log-odds of a response at its mean log-probability. Hong et al., arXiv:2403.07691.
struct LogOdds: RewardParameterization {
  static let name = "log-odds"
  static let summary = "The log-odds at the mean log-probability l: l − log(1 − exp(l)); it needs no reference."
  static let citation = "Hong et al., ORPO, EMNLP 2024, arXiv:2403.07691, Eq. 4"
  static let documentation = """
    Its zero is at even odds, not at the reference, so losses that look at absolute rewards are refused over it. At \
    probability 1 the odds are infinite; there it is 690.8, and the gradient of ORPO's loss is the limit of those \
    beside it.

    Neighbors: `orpo` goes by it. For unlikely responses it is `mean-log-probability`.

    Elsewhere: turbo-alignment holds exp(l) below 1 − 1e-7, which stops the gradient; LLaMA-Factory and axolotl take \
    the logarithm of 1 − exp(l) as it is.

    Verified against TRL and turbo-alignment.
    """
  func reward(_ response: Response) -> Formula {
    let mean = response.logProbability / response.tokenCount
    // Just below probability 1, where the odds are finite; the slope is that of the line.
    let inside = mean - stopGradient(relu(mean + 1e-300))
    return mean - log1mexp(inside)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(LogOdds.self, error: error)
}
