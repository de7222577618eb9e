import LossKit

/// The log-ratio per token, (log π − log π_ref) / |y|.
struct MeanLogRatio: RewardParameterization {
  static let name = "mean-log-ratio"
  static let summary = "The log-ratio per token, (log π − log π_ref) / |y|."
  static let documentation = "What TRL's ipo and sigmoid_norm use. The length counts the end token."

  func reward(_ response: Response) -> Formula {
    (response.logProbability - response.referenceLogProbability) / response.tokenCount
  }
}

/// What a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_ host: UnsafeRawPointer?, _ error: UnsafeMutableRawPointer?) -> UnsafeRawPointer? {
  Plugin.export(MeanLogRatio.self, error: error)
}
