import Logging
import LossKit
public import LossKitRuntime

/// The measured data of a run, with the log-probabilities of its references.
struct PreparedData {
  let training: MeasuredData
  let evaluation: MeasuredData?
  /// What the texts are.
  let form: TextForm

  var all: [MeasuredData] { [training] + (evaluation.map { [$0] } ?? []) }

  /// The entries of `run.json` that follow from measuring the data.
  var facts: [RunRecord.Fact] {
    [("data", training), ("eval_data", evaluation)].flatMap { name, data -> [RunRecord.Fact] in
      guard let data else { return [] }
      let counts = [
        ("truncated", data.truncatedResponses), ("truncated_prompts", data.truncatedPrompts),
        ("equal_after_cut", data.equalAfterCut.count),
      ]
      return counts.map { .init(name: "\(name)_\($0)", value: "\($1)", mayChange: true) }
    }
  }

  /// Measures the data of a plan with the policy's tokenizer and stores the columns that the data supply for any of `sources`. Logs which
  /// keys of the data are used.
  init(_ plan: TrainingPlan, _ sources: [ColumnSources], policy: PolicyInstance, watch: Watch, logger: Logger) throws {
    let size = plan.configuration.evalBatchSize
    var columns: [Column] = []
    for column in sources.flatMap(\.dataColumns) where !columns.contains(where: { $0.name == column.name }) {
      columns.append(column)
    }
    func measured(_ data: PreferenceDataset) throws -> MeasuredData {
      try MeasuredData(data, columns: columns, measuredBy: policy, batchSize: size, watch: watch)
    }
    let rendered = try plan.trainingData.rendered(by: policy), held = try plan.evaluationData?.rendered(by: policy)
    guard held.map({ $0.form == rendered.form }) ?? true else {
      throw Failure(
        "\(plan.trainingData.source) and \(plan.evaluationData?.source ?? "") are not both conversations or both text; the model reads "
          + "them in different forms, write them in one")
    }
    form = rendered.form
    try policy.setTextForm(form)
    training = try measured(rendered.data)
    evaluation = try held.map { try measured($0.data) }
    report(sources, logger)
  }

  /// Stores the columns of frozen references that any of `sources` reads, `batchSize` prompts at a time, from `store` or computed.
  func fillReferences(
    _ sources: [ColumnSources], _ references: [PolicyInstance], batchSize: Int, store: ReferenceStore?, watch: Watch,
    logger: Logger
  ) throws {
    try setTextForm(of: references)
    var columns: [ColumnSources.SuppliedColumn] = []
    for column in sources.flatMap(\.storedReferenceColumns) where !columns.contains(column) { columns.append(column) }
    try ReferenceCache.fill(
      all, columns: columns, references: references, batchSize: batchSize, store: store, watch: watch, logger: logger)
  }

  /// The evaluation of an objective on these data, for a policy and the references that are evaluated in every call.
  func computation(
    of objective: Objective, _ sources: ColumnSources, policy: PolicyInstance, references: [PolicyInstance]
  ) throws -> BatchEvaluation {
    try setTextForm(of: [policy] + references)
    return BatchEvaluation(objective: objective, sources: sources, policy: policy, references: references)
  }

  /// Sets what texts are for policies that are to read these data.
  private func setTextForm(of policies: [PolicyInstance]) throws {
    for policy in policies { try policy.setTextForm(form) }
  }

  private func report(_ sources: [ColumnSources], _ logger: Logger) {
    let read = Set(sources.flatMap(\.dataKeys))
    for data in all {
      let unread = data.dataset.furtherKeys.filter { !read.contains($0) }
      if !unread.isEmpty { logger.info("\(data.dataset.source): not read: \(unread.joined(separator: ", "))") }
      if let text = data.cutText { logger.warning("\(text)") }
    }
    if let keys = sources.map(\.givenReferenceKeys).first(where: { !$0.isEmpty }) {
      logger.info("the reference is \(keys.joined(separator: " and ")) of the data; no reference model is evaluated")
    }
  }
}

extension TrainingPlan {
  /// The sources of the objective's columns, for a policy and its references (empty for the policy's own start). Throws if the parts of
  /// the plan are incompatible.
  func sources(policy: LoadedPolicyType, references: [LoadedPolicyType]) throws -> ColumnSources {
    try configuration.check()
    guard policy.isTrainable else {
      throw Failure("policy \(policy.name): cannot be trained; choose one that can")
    }
    try checkData(policy: policy)
    let supplied = references.isEmpty ? [policy] : references
    let shared = supplied[0].columns.filter { column in supplied.allSatisfy { $0.columns.contains(column) } }
    let sources = try ColumnSources(
      objective, policy: policy.columns, policyName: policy.name, reference: shared,
      referencesMove: configuration.syncReference, data: allData)
    try checkReferences(references, sources: sources, policy: policy)
    return sources
  }

  private var allData: [PreferenceDataset] { [trainingData] + (evaluationData.map { [$0] } ?? []) }

  /// Throws if the data lack the responses or the other prompts that the objective reads, if a row supplies a column in another shape
  /// than the objective reads, and if a key has the name of a column that the policy computes.
  public func checkData(policy: LoadedPolicyType) throws {
    guard !trainingData.examples.isEmpty else { throw Failure("\(trainingData.source): no example to learn from") }
    for data in allData {
      try checkResponses(data)
      guard !data.examples.isEmpty else { throw Failure("\(data.source): no example to evaluate on") }
      try ColumnSources.checkNames(in: data, policy: policy.columns, policyName: policy.name)
      if objective.columns.contains(where: { ColumnSources.isMismatched($0) && !$0.isOptional }) {
        try data.checkOtherPrompts()
      }
    }
    for column in objective.columns { _ = try ColumnSources.keys(of: column, in: allData, objective) }
  }

  /// Throws if references that are evaluated in every call are unsuitable.
  private func checkReferences(
    _ references: [LoadedPolicyType], sources: ColumnSources, policy: LoadedPolicyType
  ) throws {
    if let key = sources.givenReferenceKeys.first {
      let remedy = "remove it, or \(sources.givenReferenceKeys.joined(separator: " and ")) from the data"
      guard references.isEmpty else {
        throw Failure("reference: the data supply \(key) in place of a reference; \(remedy)")
      }
      guard !sources.referencesMove else {
        throw Failure("sync_ref_model: the data supply \(key), which cannot follow the policy; \(remedy)")
      }
    } else if objective.needsReference, max(1, references.count) < objective.referenceCount {
      throw Failure(
        "\(objective.description): compares \(objective.referenceCount) references, and there is \(max(1, references.count)); name "
          + "\(objective.referenceCount)")
    }
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
