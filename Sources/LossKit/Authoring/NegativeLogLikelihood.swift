/// Over what a negative log-likelihood is taken, where a method adds one: libraries differ by about the length here.
public enum LikelihoodUnit: String, CaseIterable, Sendable {
  /// The sum over the tokens of a sequence.
  case sequence
  /// The mean over a sequence's own tokens.
  case token
  /// The mean over all tokens of the batch's responses of that rank: the same value for every prompt, and not rowwise.
  case batchToken = "batch-token"
}

extension Response {
  /// The negative log-likelihood of the response, in nats: of the sequence, or of a token.
  public func negativeLogLikelihood(per unit: LikelihoodUnit) -> Formula {
    switch unit {
    case .sequence: -logProbability
    case .token: -logProbability / tokenCount
    case .batchToken: -batchMean(logProbability) / batchMean(tokenCount)
    }
  }
}
