public import Logging
import LossKit
public import LossKitRuntime

/// Trains a policy by an objective on preference data, and keeps the run in a directory.
///
/// Everything that could not work is found when the trainer is made. A trainer is used once, from one thread.
public final class Trainer {
  /// How a run ended.
  public struct Outcome: Sendable {
    /// Whether all steps were made; otherwise the run was interrupted, and can be resumed.
    public var isFinished: Bool
    /// The updates made, and those planned.
    public var step, totalSteps: Int
    /// The seconds that this call took.
    public var seconds: Double
    /// The metrics of the held-out data at the end, if there are any.
    public var evaluation: MetricsRecord?
  }

  let plan: TrainingPlan
  let directory: RunDirectory
  let data: PreparedData
  let computation: BatchEvaluation
  let order: DataOrder
  let schedule: Schedule
  let store: CheckpointStore
  let metricsLog: MetricsLog
  let logger: Logger
  var state: TrainerState
  var gradientNorm = Double.nan
  var speed = Speed()

  /// The policy that is trained.
  public var policy: PolicyInstance { computation.policy }

  /// A new run in `directory`, from `policy`, which the trainer changes. `references` are compared with; none stands for the policy as
  /// it is now; their log-probabilities are kept in the directory `referenceCache`, if there is one, for later runs with the
  /// same data and references. `progress` shows how far their computation is. Throws where the parts of the plan do not go together,
  /// where the directory cannot be written to, and `Interruption.Stop` where `interruption` asks to stop; no run is begun then.
  public convenience init(
    _ plan: TrainingPlan, policy: PolicyInstance, references: [PolicyInstance] = [], in directory: RunDirectory,
    referenceCache: String? = nil, progress: Progress? = nil, interruption: Interruption? = nil,
    logger: Logger = Logger(label: "losskit.training")
  ) throws {
    let sources = try plan.sources(policy: policy.type, references: references.map(\.type))
    let watch = Watch(progress: progress, interruption: interruption)
    let data = try PreparedData(plan, policy: policy, watch: watch)
    try ReferenceCache.fill(
      data.all, columns: sources.storedReferenceColumns, references: references.isEmpty ? [policy] : references,
      batchSize: plan.configuration.evalBatchSize,
      store: referenceCache.map { ReferenceStore(directory: $0, logger: logger) }, watch: watch, logger: logger)
    try interruption?.check()
    try self.init(
      plan, policy: policy, references: references, sources: sources, data: data, in: directory, logger: logger)
  }

  /// A new run whose data are prepared: those of several runs from one start are.
  init(
    _ plan: TrainingPlan, policy: PolicyInstance, references: [PolicyInstance], sources: ColumnSources,
    data: PreparedData,
    in directory: RunDirectory, logger: Logger
  ) throws {
    self.plan = plan
    self.directory = directory
    self.data = data
    self.logger = logger
    store = CheckpointStore(directory: directory)
    (order, schedule) = plan.course
    state = TrainerState(objectiveState: plan.objective.initialState)
    try record(plan, policy.type, data).write(to: directory)
    try ReferenceFile.write(
      data.all, columns: sources.storedReferenceColumns, to: directory.path(of: RunDirectory.referenceFile))
    var live: [PolicyInstance] = []
    if sources.referencesMove {
      live = [try (references.first ?? policy).copy()]
    } else if sources.needsLiveReferences {
      live = references.isEmpty ? [try policy.copy()] : references
      for (number, reference) in live.enumerated() {
        try store.writeDirectory(named: Self.referenceName(number)) { try reference.save(to: $0, withOptimizer: false) }
      }
    }
    computation = BatchEvaluation(objective: plan.objective, sources: sources, policy: policy, references: live)
    metricsLog = try MetricsLog(path: directory.path(of: RunDirectory.metricsFile))
    report(data)
  }

  /// The run in `directory`, which goes on from its last checkpoint as if it had never stopped. `references` are the types of those it
  /// was begun with. Throws where the run was begun with another plan, saying what differs, where it has no checkpoint, and
  /// `Interruption.Stop` where `interruption` asks to stop; the run is as before then.
  public init(
    resuming plan: TrainingPlan, policy type: LoadedPolicyType, references: [LoadedPolicyType] = [],
    in directory: RunDirectory, progress: Progress? = nil, interruption: Interruption? = nil,
    logger: Logger = Logger(label: "losskit.training")
  ) throws {
    try plan.record(policy: type).check(against: directory)
    let store = CheckpointStore(directory: directory)
    guard let last = try store.steps().last else {
      throw Failure(
        "\(directory.path): the run stopped before its first checkpoint; remove the directory and start anew")
    }
    let path = store.path(ofStep: last)
    let state = try TrainerState(path: "\(path)/\(Self.stateFile)")
    let policy = try type.load(path: "\(path)/\(Self.policyName)")
    let sources = try plan.sources(policy: type, references: references)
    let data = try PreparedData(plan, policy: policy, watch: Watch(progress: progress, interruption: interruption))
    try ReferenceFile.read(
      data.all, columns: sources.storedReferenceColumns, from: directory.path(of: RunDirectory.referenceFile))
    var live: [PolicyInstance] = []
    if sources.referencesMove {
      live = [try type.load(path: "\(path)/\(Self.movingReferenceName)")]
    } else if sources.needsLiveReferences {
      for number in 0..<max(1, references.count) {
        live.append(try type.load(path: directory.path(of: Self.referenceName(number))))
      }
    }
    self.plan = plan
    self.directory = directory
    self.data = data
    self.logger = logger
    self.store = store
    self.state = state
    (order, schedule) = plan.course
    computation = BatchEvaluation(objective: plan.objective, sources: sources, policy: policy, references: live)
    metricsLog = try MetricsLog(
      path: directory.path(of: RunDirectory.metricsFile), length: state.metricsLength)
    logger.info("resuming", metadata: ["checkpoint": "\(path)", "step": "\(state.step)"])
  }

  static let stateFile = "trainer.json"
  static let policyName = "policy"
  static let movingReferenceName = "reference"
  private static func referenceName(_ number: Int) -> String { "reference-\(number)" }

  private func report(_ data: PreparedData) {
    for data in data.all where data.truncatedResponses > 0 {
      logger.warning(
        "\(data.dataset.source): \(counted(data.truncatedResponses, "response")) too long for the policy, with the prompt, and cut"
      )
    }
  }
}

/// What is known of a run when it begins.
private func record(_ plan: TrainingPlan, _ policy: LoadedPolicyType, _ data: PreparedData) -> RunRecord {
  var record = plan.record(policy: policy)
  let counts = [("data", data.training), ("eval_data", data.evaluation)]
  for case (let name, let data?) in counts {
    record.facts.append(.init(name: "\(name)_truncated", value: "\(data.truncatedResponses)", mayChange: true))
  }
  return record
}

extension TrainingPlan {
  /// The order of the data and the learning rates.
  var course: (DataOrder, Schedule) {
    let count = trainingData.examples.count
    let order = DataOrder(seed: UInt64(configuration.seed), count: count, updateSize: configuration.updateSize)
    return (order, configuration.schedule(totalSteps: configuration.totalSteps(promptCount: count)))
  }
}
