import LossKit

/// Supervised fine-tuning on the best response: its negative log-likelihood.
struct SFT: ListwiseLoss {
  /// Over what the negative log-likelihood is a mean.
  enum Unit: String, CaseIterable, Sendable {
    /// One sum over the tokens of each sequence, as eric-mitchell's code has it.
    case sequence
    /// The mean over a sequence's own tokens.
    case token
    /// The mean over all chosen tokens of the batch, as TRL's `sft` and the NLL terms of CPO have it.
    case batchToken = "batch-token"
  }

  static let name = "sft"
  static let summary = "Supervised fine-tuning: the negative log-likelihood of the best response."
  static let documentation = """
    per=sequence sums over the tokens, per=token takes each sequence's mean, per=batch-token divides by the number of \
    chosen tokens of the whole batch: the same value for every prompt, and not rowwise. The other responses are not read.

    Verified against TRL (batch-token).
    """
  static let responseCounts = 1...Int.max
  static let defaultReward: String? = nil
  static let hyperparameters = [
    Hyperparameter("per", \Self.unit, "what the mean is taken over: sequence, token or batch-token")
  ]
  var unit = Unit.sequence

  func loss(_ ranking: Ranking) -> Formula {
    let chosen = ranking[0]
    return switch unit {
    case .sequence: -chosen.logProbability
    case .token: -chosen.logProbability / chosen.tokenCount
    case .batchToken: -batchMean(chosen.logProbability) / batchMean(chosen.tokenCount)
    }
  }
}

/// What a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_ host: UnsafeRawPointer?, _ error: UnsafeMutableRawPointer?) -> UnsafeRawPointer? {
  Plugin.export(SFT.self, error: error)
}
