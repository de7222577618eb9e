/// A column of the batch, by name.
public struct Column: Sendable, Hashable {
  /// The rows that a column has entries for.
  public enum Extent: UInt32, Sendable {
    /// One entry per prompt.
    case prompt = 0
    /// One entry per response.
    case response = 1
    /// One entry per token of a response.
    case token = 2
  }

  /// The name used in data and in error messages.
  public let name: String
  /// The rows that the column has entries for.
  public let extent: Extent
  /// Whether a gradient with respect to the column is returned.
  public let isDifferentiable: Bool
  /// Whether a batch may omit the column.
  public let isOptional: Bool
  /// Whether the batch has one such column per reference.
  public let isPerReference: Bool

  /// Creates a column beyond the standard ones; `differentiable` if a policy can propagate a gradient through it.
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

  /// The implicit reward of a response, before scaling by β; in nats for the log-ratio.
  public static let reward = Column("reward", differentiable: true)
  /// The policy's log-probability of a response: a sum over its tokens, in nats.
  public static let logProbability = Column("policy_logp", differentiable: true)
  /// A reference policy's log-probability of a response, in nats.
  public static let referenceLogProbability = Column("reference_logp", perReference: true)
  /// The number of tokens of a response, including its end token.
  public static let tokenCount = Column("token_count")
  /// A response's score; higher is better.
  public static let score = Column("score")
  /// 1 for a desirable response, 0 for an undesirable one.
  public static let label = Column("label")
  /// The policy's log-probability of each token of a response, in nats.
  public static let tokenLogProbability = Column("policy_token_logp", per: .token, differentiable: true)
  /// A reference policy's log-probability of each token of a response, in nats.
  public static let referenceTokenLogProbability = Column(
    "reference_token_logp", per: .token, perReference: true)
}
