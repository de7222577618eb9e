public import LossKit

/// Kahneman–Tversky optimization: unpaired feedback relative to an anchor of the whole batch. Ethayarajh et al., arXiv:2402.01306.
public struct KTO: UnpairedLoss {
  /// Its name.
  public static let name = "kto"
  /// The scale, and the weight of undesirable responses.
  public static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter("undesirable_weight", \Self.undesirable, in: .nonNegative, "weight of undesirable responses"),
  ]
  /// The reward of a response to another prompt.
  public static let mismatched = Column("mismatched_reward", differentiable: true)
  /// The scale.
  public var beta: Formula = 0.1
  /// The weight of undesirable responses.
  public var undesirable: Formula = 1

  /// Creates the loss with its defaults.
  public init() {}

  /// The loss of one response.
  public func loss(_ response: Response) -> Formula {
    let anchor = stopGradient(relu(batchMean(response[Self.mismatched])))
    let z = beta * (response.reward - anchor)
    return select(response.label, sigmoid(-z), undesirable * sigmoid(z))
  }
}
