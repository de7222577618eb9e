/// A source of log-probabilities of responses: a model, or a file of precomputed values.
///
/// A provider owns its tokenizer: it takes text and returns nats and tokens. An instance is used from one thread at a time. `columns`
/// lists what it can supply.
public protocol LogProbabilityProvider: AnyObject {
  /// The provider's settings.
  associatedtype Options: Sendable

  /// The name by which programs find the policy, in kebab case.
  static var name: String { get }
  /// The version of the policy, independent of LossKit's.
  static var version: String { get }
  /// A one-sentence summary.
  static var summary: String { get }
  /// The paper or source; may be empty.
  static var citation: String { get }
  /// Further documentation, in paragraphs with the same headings as a `Component`'s; may be empty.
  static var documentation: String { get }
  /// The default options.
  static var defaultOptions: Options { get }
  /// The options that can be set by name.
  static var hyperparameters: [Hyperparameter<Options>] { get }
  /// The columns that it can supply, such as `policy_logp`. Token counts come from `measure`.
  static var columns: [Column] { get }

  /// Loads an instance from a file or directory. Options named in `given` were set by the user; the others take their stored values.
  static func load(path: String, options: Options, given: Set<String>) throws -> Self

  /// Writes the number of tokens of each response, end token included and after truncation, to `tokenCounts`, rank-major; and, if
  /// requested, the number of prompt and response tokens that were truncated to `truncated`. Throws for an empty response.
  func measure(
    _ texts: TextBatch, tokenCounts: UnsafeMutableBufferPointer<UInt32>,
    truncated: UnsafeMutableBufferPointer<UInt32>?) throws

  /// Writes the requested columns of `batch`. After a call with `keepingActivations`, `backward` may follow for the same batch.
  func forward(_ batch: PolicyBatch, keepingActivations: Bool) throws

  /// Whether the instance has a template of conversations; if not, hosts write them as transcripts.
  var hasChatTemplate: Bool { get }

  /// The text of each conversation; `forGeneration` ends it with what comes before the assistant's next turn. Throws a `Failure` with the
  /// conversation's index as its prompt for one that the template refuses.
  func render(_ conversations: [Conversation], forGeneration: Bool) throws -> [String]

  /// Sets what texts are from now on; a copy keeps it.
  func setTextForm(_ form: TextForm) throws

  /// The identity of the instance, by which hosts reuse its numbers or resume with it; nil if it states none. Throws if the identity
  /// cannot be determined now.
  func identity() throws -> PolicyIdentity?
}

extension LogProbabilityProvider {
  /// The default, "1".
  public static var version: String { "1" }
  /// The default, nil.
  public func identity() throws -> PolicyIdentity? { nil }
  /// The default, false.
  public var hasChatTemplate: Bool { false }
  /// The default refuses.
  public func render(_ conversations: [Conversation], forGeneration: Bool) throws -> [String] {
    throw Failure("\(Self.name): it has no template of conversations")
  }
  /// The default takes plain texts alone.
  public func setTextForm(_ form: TextForm) throws {
    if form != .plain { throw Failure("\(Self.name): it takes no rendered conversations") }
  }
  /// The default, an empty citation.
  public static var citation: String { "" }
  /// The default, no further documentation.
  public static var documentation: String { "" }
}

/// A provider that can be trained.
public protocol Policy: LogProbabilityProvider {
  /// Creates an instance with fresh weights from `seed`.
  static func create(options: Options, seed: UInt64) throws -> Self

  /// Adds the gradient of the weights to the accumulators, given the gradients of the columns of the last `forward` that kept activations.
  func backward(_ batch: PolicyBatch) throws

  /// Updates the weights by the accumulated gradient, clears it, and returns the global gradient norm before clipping.
  /// Throws for a gradient that is not finite; the weights then stay unchanged, and the accumulators are cleared.
  func step(_ update: PolicyUpdate) throws -> Double

  /// Writes the instance into `directory`, which exists and is empty; includes the optimizer's state if `withOptimizer`.
  func save(to directory: String, withOptimizer: Bool) throws

  /// A frozen copy, for use as a reference.
  func copy() throws -> Self

  /// Sets the weights to weight · source + (1 − weight) · own.
  func blend(with source: Self, weight: Double) throws
}

/// One optimizer update.
public struct PolicyUpdate: Sendable {
  /// The step size.
  public var learningRate: Double
  /// Decoupled weight decay per unit of learning rate.
  public var weightDecay: Double
  /// The maximum global gradient norm, for clipping; infinity disables it.
  public var maxGradientNorm: Double

  /// Creates an update.
  public init(learningRate: Double, weightDecay: Double = 0, maxGradientNorm: Double = .infinity) {
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.maxGradientNorm = maxGradientNorm
  }
}
