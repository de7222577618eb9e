public import LossKitRuntime

/// All that decides a run: what is optimized, on which data, and how.
public struct TrainingPlan {
  /// What is optimized.
  public var objective: Objective
  /// How.
  public var configuration: TrainingConfiguration
  /// The data that is learned from.
  public var trainingData: PreferenceDataset
  /// The data that is held out; nil for none.
  public var evaluationData: PreferenceDataset?
  /// The policy's start in words: its name, options and where it was loaded from. A run cannot be resumed with another one.
  public var policy: String

  /// A plan; throws nothing, what does not go together is found when a trainer is made.
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

  /// What `run.json` says of a run of this plan with a policy of a type.
  func record(policy type: LoadedPolicyType) -> RunRecord {
    typealias Fact = RunRecord.Fact
    func facts(_ data: PreferenceDataset?, _ name: String) -> [Fact] {
      guard let data else { return [Fact(name: name, value: "none")] }
      return [
        Fact(name: name, value: data.source, mayChange: true),
        Fact(name: "\(name)_digest", value: data.digest),
        Fact(name: "\(name)_report", value: "\(data.report)", mayChange: true),
      ]
    }
    let objectiveFacts = [
      Fact(name: "objective", value: objective.description, mayChange: true),
      Fact(name: "objective_hash", value: objective.hash),
      Fact(name: "gradient", value: objective.hasNumericGradient ? "numeric gradient" : "exact", mayChange: true),
      Fact(name: "policy", value: policy),
      Fact(name: "policy_type", value: "\(type.name) \(type.version)"),
    ]
    let settings = TrainingConfiguration.keys.map { key in
      Fact(name: key.name, value: key.text(configuration), mayChange: !key.decidesCourse, fallback: key.defaultText)
    }
    return RunRecord(
      facts: objectiveFacts + facts(trainingData, "data") + facts(evaluationData, "eval_data") + settings)
  }
}
