/// Something that knows the log-probabilities of responses: a model, or a file of values computed before.
///
/// A provider owns its tokenizer: it is handed text and answers in nats and tokens. An instance is used from one thread
/// at a time. What it can supply stands in `columns`.
public protocol LogProbabilityProvider: AnyObject {
  /// What can be set about it, with its defaults.
  associatedtype Options: Sendable

  /// The name it is found by, in kebab case.
  static var name: String { get }
  /// The version of the policy, apart from that of LossKit.
  static var version: String { get }
  /// A summary in one sentence.
  static var summary: String { get }
  /// Paper or source; empty if none.
  static var citation: String { get }
  /// More than the summary, in paragraphs with the heads that a `Component`'s have; empty if there is none.
  static var documentation: String { get }
  /// The options when nothing is set.
  static var defaultOptions: Options { get }
  /// What of the options can be set by name.
  static var hyperparameters: [Hyperparameter<Options>] { get }
  /// The columns it can supply; `policy_logp` and the like. Token counts come from `measure`.
  static var columns: [Column] { get }

  /// An instance from a file or directory; `given` names the options the user set, the others yield to what is stored.
  static func load(path: String, options: Options, given: Set<String>) throws -> Self

  /// Counts the tokens of each response (its end token included, after truncation) into `tokenCounts`, rank-major, and how many
  /// tokens of prompt and response had to be cut into `truncated`, if asked for. Throws for an empty response.
  func measure(
    _ texts: TextBatch, tokenCounts: UnsafeMutableBufferPointer<UInt32>,
    truncated: UnsafeMutableBufferPointer<UInt32>?) throws

  /// Writes the asked-for columns of `batch`. With `keepingActivations` a `backward` for the same batch may follow.
  func forward(_ batch: PolicyBatch, keepingActivations: Bool) throws

  /// What the instance is, for hosts that keep its numbers or go on with it later; nil where it does not state that. Throws where
  /// it cannot be told at the moment.
  func identity() throws -> PolicyIdentity?
}

extension LogProbabilityProvider {
  /// Version 1.
  public static var version: String { "1" }
  /// nil: nothing is stated.
  public func identity() throws -> PolicyIdentity? { nil }
  /// No citation.
  public static var citation: String { "" }
  /// No more than the summary.
  public static var documentation: String { "" }
}

/// A provider that can be trained.
public protocol Policy: LogProbabilityProvider {
  /// A new instance with fresh weights from `seed`.
  static func create(options: Options, seed: UInt64) throws -> Self

  /// Adds the gradient of the weights to the accumulators, from the gradients of the columns of the last kept `forward`.
  func backward(_ batch: PolicyBatch) throws

  /// Updates the weights by the accumulated gradient, clears it, and returns the global gradient norm before clipping.
  /// Throws for a gradient that is not finite: the weights stay as they were and the accumulators are cleared.
  func step(_ update: PolicyUpdate) throws -> Double

  /// Writes the instance into `directory`, which exists and is empty; what `step` keeps too if `withOptimizer`.
  func save(to directory: String, withOptimizer: Bool) throws

  /// A frozen copy, to serve as a reference.
  func copy() throws -> Self

  /// Moves the weights: weight · source + (1 − weight) · own.
  func blend(with source: Self, weight: Double) throws
}

/// One optimizer update.
public struct PolicyUpdate: Sendable {
  /// The step size.
  public var learningRate: Double
  /// Decoupled weight decay per unit of learning rate.
  public var weightDecay: Double
  /// The global gradient norm is clipped to this; infinity does not clip.
  public var maxGradientNorm: Double

  /// An update.
  public init(learningRate: Double, weightDecay: Double = 0, maxGradientNorm: Double = .infinity) {
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.maxGradientNorm = maxGradientNorm
  }
}
