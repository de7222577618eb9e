/// What a plain function is as a loss or a reward: all that its prototype does not say.
public struct FunctionDeclaration: Sendable, Equatable {
  /// What a declaration says of a hyperparameter beside its default.
  public struct HyperparameterNote: Sendable, Equatable {
    /// A summary in one sentence.
    public var summary: String
    /// The paper's symbol in LaTeX; empty: the name.
    public var symbol: String
    /// The ends of what it may be; infinite where there is none.
    public var minimum, maximum: Double
    /// Whether an end itself is excluded.
    public var isMinimumExcluded, isMaximumExcluded: Bool
    /// Whether metrics multiply the reward by it: the field's β.
    public var scalesRewards: Bool

    /// A note on a hyperparameter, which may be any number where nothing else is said.
    public init(
      summary: String = "", symbol: String = "", minimum: Double = -.infinity, maximum: Double = .infinity,
      isMinimumExcluded: Bool = false, isMaximumExcluded: Bool = false, scalesRewards: Bool = false
    ) {
      self.summary = summary
      self.symbol = symbol
      self.minimum = minimum
      self.maximum = maximum
      self.isMinimumExcluded = isMinimumExcluded
      self.isMaximumExcluded = isMaximumExcluded
      self.scalesRewards = scalesRewards
    }
  }

  /// The name it is found by.
  public var name: String
  /// A loss or a reward.
  public var kind: LoadedComponent.Kind
  /// The C prototype of the function, with defaults behind its hyperparameters.
  public var prototype: String
  /// The C prototype of the function that writes the derivatives; nil: central differences.
  public var gradientPrototype: String?
  /// The version of the component.
  public var version = "1"
  /// A summary in one sentence.
  public var summary: String
  /// Paper and equation.
  public var citation = ""
  /// Paragraphs beyond the summary.
  public var documentation = ""
  /// A loss's parameterization where the objective names none; nil: the log-ratio, where it reads a reward.
  public var defaultReward: String?
  /// Loss: the claim that one constant per prompt, added to all its rewards, changes nothing.
  public var isShiftInvariant = false
  /// Reward: the claim that it is 0 where the policy's log-probabilities equal the reference's.
  public var isZeroAtReference = false
  /// The notes on hyperparameters, by name.
  public var hyperparameters: [String: HyperparameterNote] = [:]
  /// Columns that it reads beside the standard ones, one number a response, without a gradient.
  public var columns: [String] = []

  /// A declaration; what else is to be said is set afterwards.
  public init(
    name: String, kind: LoadedComponent.Kind, prototype: String, gradientPrototype: String? = nil, summary: String = ""
  ) {
    self.name = name
    self.kind = kind
    self.prototype = prototype
    self.gradientPrototype = gradientPrototype
    self.summary = summary
  }
}
