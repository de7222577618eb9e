public import LossKitRuntime

/// All that decides a run: what is optimized, on which data, and how.
public struct TrainingPlan {
  /// What is optimized.
  public var objective: Objective
  /// How it is trained.
  public var configuration: TrainingConfiguration
  /// The data that is learned from.
  public var trainingData: PreferenceDataset
  /// The data that is held out; nil for none.
  public var evaluationData: PreferenceDataset?
  /// The policy's start in words: its name, options and where it was loaded from.
  public var policy: String
  /// Where the policy is loaded from; nil where it is made anew.
  public var start: String?
  /// The references in words: where each is loaded from, as what, and options of their own. None stands for the policy's start.
  public var references: [String] = []

  /// A plan; what does not go together is found when a trainer is made.
  public init(
    objective: Objective, configuration: TrainingConfiguration = TrainingConfiguration(),
    trainingData: PreferenceDataset,
    evaluationData: PreferenceDataset? = nil, policy: String
  ) {
    self.objective = objective
    self.configuration = configuration
    self.trainingData = trainingData
    self.evaluationData = evaluationData
    self.policy = policy
  }
}
