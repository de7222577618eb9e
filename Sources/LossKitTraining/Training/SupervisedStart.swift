public import LossKitRuntime

/// The start that the runs of a comparison share: the policy, trained on the chosen responses alone.
public struct SupervisedStart {
  /// What is optimized: the likelihood of the best response.
  public var objective: Objective
  /// How it is trained.
  public var configuration: TrainingConfiguration

  /// A supervised start.
  public init(objective: Objective, configuration: TrainingConfiguration) {
    self.objective = objective
    self.configuration = configuration
  }

  /// The plan of the run: on the chosen responses alone where the objective takes one response a prompt.
  func plan(trainingData: PreferenceDataset, evaluationData: PreferenceDataset, policy: String) -> TrainingPlan {
    let takesOne = objective.responses.contains(1)
    return TrainingPlan(
      objective: objective, configuration: configuration,
      trainingData: takesOne ? trainingData.chosenAlone : trainingData,
      evaluationData: takesOne ? evaluationData.chosenAlone : evaluationData, policy: policy)
  }
}

extension PreferenceDataset {
  /// The same prompts with their best response alone; without the undesirable ones of unpaired feedback.
  fileprivate var chosenAlone: PreferenceDataset {
    var data = self
    data.examples.removeAll { $0.label == false }
    data.examples = data.examples.map { $0.keeping(Array($0.responses.indices.prefix(1))) }
    data.source = "\(source), chosen responses"
    return data
  }
}
