public import LossKitRuntime

/// Everything that determines a run: the objective, the data, and the training settings.
public struct TrainingPlan {
  /// The objective.
  public var objective: Objective
  /// The training settings.
  public var configuration: TrainingConfiguration
  /// The training data.
  public var trainingData: PreferenceDataset
  /// The held-out data, if any.
  public var evaluationData: PreferenceDataset?
  /// A description of the policy's start: its name, options and where it was loaded from.
  public var policy: String
  /// The path that the policy is loaded from; nil for a new policy.
  public var start: String?
  /// A description of each reference: its path, type and options. Empty if the reference is the policy's start.
  public var references: [String] = []

  /// Creates a plan. Creating a trainer checks that its parts are compatible.
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
