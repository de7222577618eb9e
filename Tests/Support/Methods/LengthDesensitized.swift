public import LossKit

/// LD-DPO: tokens beyond the length of the shorter response weigh less. Liu et al., arXiv:2409.06411.
public struct LengthDesensitized: TokenwiseReward {
  /// Its name.
  public static let name = "length-desensitized"
  /// The weight of the tokens beyond the shorter response.
  public static let hyperparameters = [
    Hyperparameter("alpha", \Self.alpha, in: .closed(0, 1), "weight of the tokens beyond the shorter response")
  ]
  /// The weight of the tokens beyond the shorter response.
  public var alpha: Formula = 0.5

  /// With the default.
  public init() {}

  /// What one token adds.
  public func reward(_ token: Token) -> Formula {
    select(token.shortest - token.index, 1, alpha) * (token.logProbability - token.referenceLogProbability)
  }
}
