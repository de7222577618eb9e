public import LossKitRuntime

/// The common start of a comparison's runs: the policy trained on the chosen responses alone.
public struct SupervisedStart {
  /// The objective: the likelihood of the best response.
  public var objective: Objective
  /// The training settings.
  public var configuration: TrainingConfiguration

  /// Creates a supervised start.
  public init(objective: Objective, configuration: TrainingConfiguration) {
    self.objective = objective
    self.configuration = configuration
  }

  /// The plan of the run. If the objective takes one response per prompt, it trains on the chosen responses alone.
  func plan(trainingData: PreferenceDataset, evaluationData: PreferenceDataset, policy: String) -> TrainingPlan {
    let takesOne = objective.responses.contains(1)
    return TrainingPlan(
      objective: objective, configuration: configuration,
      trainingData: takesOne ? trainingData.chosenAlone : trainingData,
      evaluationData: takesOne ? evaluationData.chosenAlone : evaluationData, policy: policy)
  }
}

extension PreferenceDataset {
  /// The same prompts with only their best response; drops the undesirable responses of unpaired feedback.
  fileprivate var chosenAlone: PreferenceDataset {
    var data = self
    data.examples.removeAll { $0.label == false }
    data.examples = data.examples.map { $0.keeping(Array($0.responses.indices.prefix(1))) }
    data.source = "\(source), chosen responses"
    return data
  }
}
