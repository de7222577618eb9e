/// A column of the batch, by name.
public struct Column: Sendable, Hashable {
  /// Over what a column has its entries.
  public enum Extent: UInt32, Sendable {
    /// One entry a prompt.
    case prompt = 0
    /// One entry a response.
    case response = 1
    /// One entry a token of a response.
    case token = 2
  }

  /// The name, as in data and in errors.
  public let name: String
  /// Over what the column has its entries.
  public let extent: Extent
  /// Whether a gradient with respect to it is returned.
  public let isDifferentiable: Bool
  /// Whether a batch may lack it.
  public let isOptional: Bool
  /// Whether there is one such column for each reference.
  public let isPerReference: Bool

  /// A column a component reads beside the standard ones; `differentiable` where a policy can carry a gradient back.
  public init(
    _ name: String, per extent: Extent = .response, differentiable: Bool = false, optional: Bool = false,
    perReference: Bool = false
  ) {
    self.name = name
    self.extent = extent
    self.isDifferentiable = differentiable
    self.isOptional = optional
    self.isPerReference = perReference
  }

  /// The implicit reward of a response, unscaled; in nats for the log-ratio.
  public static let reward = Column("reward", differentiable: true)
  /// The policy's log-probability of a response: a sum over its tokens, in nats.
  public static let logProbability = Column("policy_logp", differentiable: true)
  /// A reference's log-probability of a response, in nats.
  public static let referenceLogProbability = Column("reference_logp", perReference: true)
  /// The number of tokens of a response, its end token included.
  public static let tokenCount = Column("token_count")
  /// A response's score, higher is better.
  public static let score = Column("score")
  /// 1 for a desirable response, 0 for an undesirable one.
  public static let label = Column("label")
  /// The policy's log-probability of each token of a response, in nats.
  public static let tokenLogProbability = Column("policy_token_logp", per: .token, differentiable: true)
  /// A reference's log-probability of each token of a response, in nats.
  public static let referenceTokenLogProbability = Column(
    "reference_token_logp", per: .token, perReference: true)
}
