/// The normalization of a negative log-likelihood term; libraries differ here by about the length of a response.
public enum LikelihoodUnit: String, CaseIterable, Sendable {
  /// The sum over the tokens of a sequence.
  case sequence
  /// The mean over the tokens of each sequence.
  case token
  /// The mean over all tokens of the batch's responses of that rank. The value is the same for every prompt, and not rowwise.
  case batchToken = "batch-token"
}

extension Response {
  /// The negative log-likelihood of the response, in nats: per sequence or per token.
  public func negativeLogLikelihood(per unit: LikelihoodUnit) -> Formula {
    switch unit {
    case .sequence: -logProbability
    case .token: -logProbability / tokenCount
    case .batchToken: -batchMean(logProbability) / batchMean(tokenCount)
    }
  }
}
