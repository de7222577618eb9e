import LossKit
import LossKitRuntime

/// The data of a run, measured, and with the log-probabilities of its references.
struct PreparedData {
  let training: MeasuredData
  let evaluation: MeasuredData?

  var all: [MeasuredData] { [training] + (evaluation.map { [$0] } ?? []) }

  /// What `run.json` says of what measuring them showed.
  var facts: [RunRecord.Fact] {
    [("data", training), ("eval_data", evaluation)].compactMap { name, data in
      data.map { .init(name: "\(name)_truncated", value: "\($0.truncatedResponses)", mayChange: true) }
    }
  }

  /// Measures the data of a plan with the policy's tokenizer.
  init(_ plan: TrainingPlan, policy: PolicyInstance, watch: Watch) throws {
    let size = plan.configuration.evalBatchSize
    training = try MeasuredData(plan.trainingData, measuredBy: policy, batchSize: size, watch: watch)
    evaluation = try plan.evaluationData.map {
      try MeasuredData($0, measuredBy: policy, batchSize: size, watch: watch)
    }
  }
}

extension TrainingPlan {
  /// Where the objective's columns come from, for a policy and its references, none for the policy's own start. Throws where the
  /// parts of the plan do not go together.
  func sources(policy: LoadedPolicyType, references: [LoadedPolicyType]) throws -> ColumnSources {
    try configuration.check()
    guard policy.isTrainable else {
      throw Failure("policy \(policy.name): cannot be trained; choose one that can")
    }
    try checkData()
    let supplied = references.isEmpty ? [policy] : references
    let shared = supplied[0].columns.filter { column in supplied.allSatisfy { $0.columns.contains(column) } }
    let sources = try ColumnSources(
      objective, policy: policy.columns, policyName: policy.name, reference: shared,
      referencesMove: configuration.syncReference, data: allData)
    try checkReferences(references, sources: sources, policy: policy)
    return sources
  }

  private var allData: [PreferenceDataset] { [trainingData] + (evaluationData.map { [$0] } ?? []) }

  /// Throws where the data do not have the responses, or the other prompts, that the objective takes.
  public func checkData() throws {
    guard !trainingData.examples.isEmpty else { throw Failure("\(trainingData.source): no example to learn from") }
    for data in allData {
      try checkResponses(data)
      guard !data.examples.isEmpty else { throw Failure("\(data.source): no example to evaluate on") }
      if objective.columns.contains(where: { ColumnSources.isMismatched($0) && !$0.isOptional }) {
        try data.checkOtherPrompts()
      }
    }
  }

  /// Throws where references that take part in every call cannot do so.
  private func checkReferences(
    _ references: [LoadedPolicyType], sources: ColumnSources, policy: LoadedPolicyType
  ) throws {
    guard sources.needsLiveReferences else { return }
    if let other = references.first(where: { !$0.isSame(as: policy) }) {
      let reason =
        sources.referencesMove
        ? "sync_ref_model: the reference takes on the policy's weights"
        : "\(objective.description): references take part in every step"
      throw Failure("\(reason): invalid type \(other.name) of a reference; expected \(policy.name)")
    }
    if references.count > 1,
      let single = sources.policyColumns.first(where: { column in
        !column.isPerReference && policy.columns.contains { $0.name == column.name && $0.isPerReference }
      })
    {
      throw Failure(
        "\(objective.description): reads \(single.name) of one reference, and there are \(references.count); name one")
    }
    guard sources.referencesMove else { return }
    guard references.count <= 1 else {
      throw Failure(
        "sync_ref_model: \(references.count) references would become one and the same; name one, or none for the policy's start"
      )
    }
    guard policy.canBlend else {
      throw Failure("sync_ref_model: policy \(policy.name) cannot be blended; leave it out, or choose another policy")
    }
    guard !sources.referenceColumns.isEmpty || sources.policyComparesWithReferences else {
      throw Failure(
        "sync_ref_model: \(objective.description) reads no reference; leave it out, or choose another objective")
    }
  }

  private func checkResponses(_ data: PreferenceDataset) throws {
    for (place, example) in data.examples.enumerated() where !objective.responses.contains(example.responses.count) {
      let line = example.line > 0 ? "line \(example.line)" : "example \(place + 1)"
      throw Failure(
        """
        \(data.source), \(line): \(counted(example.responses.count, "response")), and \(objective.description) takes \
        \(Self.phrase(objective.responses)); choose other data or another objective
        """)
    }
  }

  private static func phrase(_ range: ClosedRange<Int>) -> String {
    if range.lowerBound == range.upperBound { return "\(range.lowerBound) a prompt" }
    return range.upperBound >= 1 << 31
      ? "\(range.lowerBound) or more a prompt" : "\(range.lowerBound) to \(range.upperBound) a prompt"
  }
}
