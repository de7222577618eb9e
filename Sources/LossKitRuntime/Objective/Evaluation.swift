/// The results of an objective for a batch.
public struct Evaluation: Sendable {
  /// The loss of each prompt, [G].
  public var loss: [Double]
  /// The implicit reward of each response, unscaled, in the batch's layout; empty if the objective has no reward.
  public var reward: [Double]
  /// The derivative of the sum of all losses by each differentiable column, in the column's layout; empty unless
  /// requested.
  public var gradients: [String: [Double]]

  package init(loss: [Double], reward: [Double], gradients: [String: [Double]]) {
    self.loss = loss
    self.reward = reward
    self.gradients = gradients
  }
}
