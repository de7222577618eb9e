/// Describes a plain function as a loss or a reward: everything that its prototype does not state.
public struct FunctionDeclaration: Sendable, Equatable {
  /// The description of a hyperparameter; its default is in the prototype.
  public struct HyperparameterNote: Sendable, Equatable {
    /// A summary in one sentence.
    public var summary: String
    /// The paper's symbol in LaTeX; if empty, the name.
    public var symbol: String
    /// The bounds; infinite if unbounded.
    public var minimum, maximum: Double
    /// Whether a bound itself is excluded.
    public var isMinimumExcluded, isMaximumExcluded: Bool
    /// Whether metrics multiply the reward by it: the field's β.
    public var scalesRewards: Bool

    /// Describes a hyperparameter, which is unbounded by default.
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
  /// Whether it is a loss or a reward.
  public var kind: LoadedComponent.Kind
  /// The C prototype of the function, with defaults for its hyperparameters.
  public var prototype: String
  /// The C prototype of the function that writes the derivatives; nil: central differences.
  public var gradientPrototype: String?
  /// The version of the component.
  public var version = "1"
  /// A summary in one sentence.
  public var summary: String
  /// Paper and equation.
  public var citation = ""
  /// Further paragraphs after the summary.
  public var documentation = ""
  /// A loss's parameterization if the objective names none; nil: the log-ratio, if it reads a reward.
  public var defaultReward: String?
  /// Loss: the claim that adding one constant per prompt to all its rewards does not change it.
  public var isShiftInvariant = false
  /// Reward: the claim that it is 0 if the policy's log-probabilities equal the reference's.
  public var isZeroAtReference = false
  /// The notes on hyperparameters, by name.
  public var hyperparameters: [String: HyperparameterNote] = [:]
  /// Columns that it reads besides the standard ones, one number per response, without a gradient.
  public var columns: [String] = []

  /// Creates a declaration; the other properties are set afterwards.
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
