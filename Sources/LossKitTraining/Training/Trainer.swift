public import Logging
import LossKit
public import LossKitRuntime

/// Trains a policy with an objective on preference data, and keeps the run in a directory.
///
/// The initializers check everything that can be checked before training. Use a trainer once, from one thread.
public final class Trainer {
  /// How a run ended.
  public struct Outcome: Sendable {
    /// Whether all steps were made. If not, the run was interrupted and can be resumed.
    public var isFinished: Bool
    /// The number of updates made, and the number planned.
    public var step, totalSteps: Int
    /// The duration of this call in seconds.
    public var seconds: Double
    /// The final metrics on the held-out data, if any.
    public var evaluation: MetricsRecord?
  }

  /// The error thrown when a finished run is resumed without more steps. Nothing is wrong, and nothing is to be done.
  public struct Finished: Error {
    /// Where the model is, and how to go on.
    public let message: String
  }

  let plan: TrainingPlan
  let directory: RunDirectory
  let data: PreparedData
  let computation: BatchEvaluation
  let order: DataOrder
  let schedule: Schedule
  let store: CheckpointStore
  let metricsLog: MetricsLog
  private(set) var board: TensorBoardLog?
  let logger: Logger
  var state: TrainerState
  var gradientNorm = Double.nan
  var speed = Speed()

  /// The policy being trained.
  public var policy: PolicyInstance { computation.policy }

  /// Creates a run in `directory` that trains `policy` in place. `references` are the reference models; if empty, the reference is the
  /// policy as it is now. If `referenceCache` is given, their log-probabilities are kept in that directory for later runs with the same
  /// data and references. `progress` shows the progress of computing them. Throws if the parts of the plan are incompatible, if the
  /// directory is not writable, and `Interruption.Stop` if `interruption` is requested; then no run is begun.
  public convenience init(
    _ plan: TrainingPlan, policy: PolicyInstance, references: [PolicyInstance] = [], in directory: RunDirectory,
    referenceCache: String? = nil, progress: Progress? = nil, interruption: Interruption? = nil,
    logger: Logger = Logger(label: "losskit.training")
  ) throws {
    let sources = try plan.sources(policy: policy.type, references: references.map(\.type))
    let watch = Watch(progress: progress, interruption: interruption)
    let data = try PreparedData(plan, [sources], policy: policy, watch: watch, logger: logger)
    try data.fillReferences(
      [sources], references.isEmpty ? [policy] : references, batchSize: plan.configuration.evalBatchSize,
      store: referenceCache.map { ReferenceStore(directory: $0, logger: logger) }, watch: watch, logger: logger)
    try interruption?.check()
    try self.init(
      plan, policy: policy, references: references, sources: sources, data: data, in: directory, logger: logger)
  }

  /// Creates a run with prepared data, which several runs from the same start share.
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
    (order, schedule) = plan.course(promptCount: data.training.dataset.examples.count)
    state = TrainerState(objectiveState: plan.objective.initialState)
    var record = try plan.record(policy: policy.type, references: references.map(\.type))
    let identity = try policy.identity()
    record.facts += plan.facts(ofPolicy: identity) + data.facts
    record.facts += try TrainingPlan.startFacts(policy: identity, references: references)
    try record.write(to: directory)
    try ReferenceFile.write(
      data.all, columns: sources.storedReferenceColumns, to: directory.path(of: RunDirectory.referenceFile))
    var live: [PolicyInstance] = []
    if sources.referencesMove {
      live = [try (references.first ?? policy).copy()]
    } else if sources.needsLiveReferences {
      live = references.isEmpty ? [try policy.copy()] : references
      for (number, reference) in live.enumerated() {
        try store.writeDirectory(named: Self.referenceName(number)) { directory in
          try save(reference, to: "\(directory)/\(Self.policyName)", withOptimizer: false)
          try CheckpointManifest.write(to: directory)
        }
      }
    }
    computation = try data.computation(of: plan.objective, sources, policy: policy, references: live)
    metricsLog = try MetricsLog(path: directory.path(of: RunDirectory.metricsFile))
    board = try plan.board(in: directory)
  }

  /// Resumes the run in `directory` from its newest valid checkpoint, as if it had never stopped. `references` are the types of the
  /// references it was begun with. `options` and `referenceOptions` are passed to policies that declare which options affect results.
  ///
  /// The plan may have more steps, and log, evaluate and save at other intervals; the remaining steps then use the learning rates of a
  /// run of the new length. Throws, with the difference, if anything else differs from the run as begun; if it has no checkpoint;
  /// `Finished` if there is nothing left to do; and `Interruption.Stop` if `interruption` is requested. The run is unchanged then.
  public init(
    resuming plan: TrainingPlan, policy type: LoadedPolicyType, options: [String: Double] = [:],
    references: [LoadedPolicyType] = [], referenceOptions: [String: Double] = [:], in directory: RunDirectory,
    progress: Progress? = nil, interruption: Interruption? = nil,
    logger: Logger = Logger(label: "losskit.training")
  ) throws {
    let stored = try RunRecord(of: directory)
    var record = try plan.record(policy: type, references: references)
    try record.check(against: stored, in: directory)
    let store = CheckpointStore(directory: directory)
    let resumption = try Resumption(record, stored, in: store)
    let path = resumption.checkpoint.path
    let state = resumption.checkpoint.state
    let policy = try type.restore(from: "\(path)/\(Self.policyName)", options: options)
    let identity = try policy.identity()
    record.facts += plan.facts(ofPolicy: identity)
    try record.check(against: stored, in: directory)
    guard identity?.digest == state.policyDigest else {
      throw Failure(
        "\(path): the policy that is loaded from it is not the one that was saved; look at what it reads beside the checkpoint, "
          + "such as a base model, or start a new run")
    }
    let sources = try plan.sources(policy: type, references: references)
    let watch = Watch(progress: progress, interruption: interruption)
    let data = try PreparedData(plan, [sources], policy: policy, watch: watch, logger: logger)
    record.facts += data.facts + stored.facts.filter { TrainingPlan.startFactNames.contains($0.name) }
    try ReferenceFile.read(
      data.all, columns: sources.storedReferenceColumns, from: directory.path(of: RunDirectory.referenceFile))
    var live: [PolicyInstance] = []
    if sources.referencesMove {
      live = [try type.restore(from: "\(path)/\(Self.movingReferenceName)", options: referenceOptions)]
    } else if sources.needsLiveReferences {
      for number in 0..<max(1, references.count) {
        let place = directory.path(of: Self.referenceName(number))
        do {
          try CheckpointManifest.check(place)
        } catch let failure as Failure {
          throw Failure("\(place): cannot be used: \(failure.message); start a new run")
        }
        live.append(try type.restore(from: "\(place)/\(Self.policyName)", options: referenceOptions))
      }
    }
    self.plan = plan
    self.directory = directory
    self.data = data
    self.logger = logger
    self.store = store
    self.state = state
    (order, schedule) = plan.course(promptCount: data.training.dataset.examples.count)
    computation = try data.computation(of: plan.objective, sources, policy: policy, references: live)
    metricsLog = try MetricsLog(
      path: directory.path(of: RunDirectory.metricsFile), length: state.metricsLength)
    try resumption.begin(record, logger: logger)
    board = try plan.board(in: directory)
  }

  static let policyName = "policy"
  static let movingReferenceName = "reference"
  private static func referenceName(_ number: Int) -> String { "\(referencePrefix)\(number)" }
  private static let referencePrefix = "reference-"

  /// Whether a name in a run's directory is that of a saved reference.
  static func isReferenceName(_ name: String) -> Bool {
    name.hasPrefix(referencePrefix) && Int(name.dropFirst(referencePrefix.count)) != nil
  }
}

extension TrainingPlan {
  /// The event file of a run, if the configuration asks for one.
  func board(in directory: RunDirectory) throws -> TensorBoardLog? {
    configuration.reportTarget == .tensorboard ? try TensorBoardLog(in: directory.path) : nil
  }

  /// The order of the training data, and the learning-rate schedule.
  func course(promptCount count: Int) -> (DataOrder, Schedule) {
    let order = DataOrder(seed: UInt64(configuration.seed), count: count, updateSize: configuration.updateSize)
    return (order, configuration.schedule(totalSteps: configuration.totalSteps(promptCount: count)))
  }
}
