public import Logging
import LossKit
public import LossKitRuntime
import LossKitSystem

/// Trains one policy with several objectives, from the same start and in the same order of the data, so that only the objective differs.
public struct Comparison {
  /// A run of a comparison.
  public struct Entry {
    /// The label in tables and charts.
    public var label: String
    /// The objective that the run optimizes.
    public var objective: Objective
    /// The training settings; `seed` must be the same for all entries.
    public var configuration: TrainingConfiguration

    /// Creates an entry.
    public init(label: String, objective: Objective, configuration: TrainingConfiguration) {
      self.label = label
      self.objective = objective
      self.configuration = configuration
    }
  }

  private let entries: [Entry]
  private let start: SupervisedStart?
  private let trainingData: PreferenceDataset
  private let evaluationData: PreferenceDataset
  private let policyText: String

  /// Creates a comparison. `start` is trained first, from the policy passed to `run`; without it, the runs start from that policy itself.
  /// Entries that do not set an evaluation interval evaluate about 20 times. Throws if the entries would not see the same data in the
  /// same order.
  public init(
    _ entries: [Entry], start: SupervisedStart?, trainingData: PreferenceDataset, evaluationData: PreferenceDataset,
    policy: String
  ) throws {
    guard let first = entries.first else { throw Failure("compare: no objective is named; name at least one") }
    let orders = entries.map { ($0.configuration.seed, $0.configuration.updateSize) }
    guard orders.allSatisfy({ $0 == orders[0] }), first.configuration.updateSize > 0 else {
      throw Failure("compare: the runs differ in seed or batch size and would see different data; give all the same")
    }
    self.entries = entries.map { entry in
      var entry = entry
      let total = entry.configuration.totalSteps(promptCount: trainingData.examples.count)
      if entry.configuration.evalSteps == 0 { entry.configuration.evalSteps = max(1, total / Self.evaluations) }
      entry.configuration.evalOnStart = true
      return entry
    }
    self.start = start
    self.trainingData = trainingData
    self.evaluationData = evaluationData
    policyText = policy
  }

  private static let evaluations = 20

  private var plans: [TrainingPlan] {
    entries.map { entry in
      TrainingPlan(
        objective: entry.objective, configuration: entry.configuration, trainingData: trainingData,
        evaluationData: evaluationData, policy: policyText + (start == nil ? "" : ", after a supervised start"))
    }
  }

  private var startPlan: TrainingPlan? {
    start?.plan(trainingData: trainingData, evaluationData: evaluationData, policy: policyText)
  }

  /// Throws if the start or a run does not support a type of policy. Creates no policy and computes nothing.
  public func check(policy type: LoadedPolicyType) throws { _ = try sources(policy: type) }

  /// Throws if the data do not have what the start or a run reads.
  public func checkData(policy type: LoadedPolicyType) throws {
    try startPlan?.checkData(policy: type)
    for plan in plans { try plan.checkData(policy: type) }
  }

  /// The sources of each run's columns.
  private func sources(policy type: LoadedPolicyType) throws -> [ColumnSources] {
    try startPlan?.check(policy: type)
    return try plans.map { try $0.sources(policy: type, references: []) }
  }

  /// Runs the start and all entries in subdirectories of `directory`, and writes `report.html` and `rewards.svg` there. Releases `policy`
  /// once the start is made. `referenceCache` is the directory that keeps the reference's log-probabilities, if given; `progress` returns
  /// the progress display of the run with a label. Throws if a run fails, and `Interruption.Stop` if `interruption` is requested.
  public func run(
    from policy: consuming PolicyInstance, in directory: RunDirectory,
    progress: (_ label: String) -> Progress? = { _ in nil }, interruption: Interruption? = nil,
    referenceCache: String? = nil, logger: Logger = Logger(label: "losskit.training")
  ) throws -> ComparisonResult {
    let began = ContinuousClock.now
    let type = policy.type, options = policy.options, plans = plans
    // Errors are found before the start is trained.
    let sources = try sources(policy: type)
    let model = try makeStart(policy, in: directory, progress: progress, interruption: interruption, logger: logger)
    // The runs load their own copies; release this one.
    _ = consume policy
    let startSeconds = began.duration(to: .now).seconds
    let data = try prepare(
      plans, sources, from: type.restore(from: model, options: options),
      store: referenceCache.map { ReferenceStore(directory: $0, logger: logger) },
      watch: Watch(progress: progress(Self.preparationName), interruption: interruption), logger)
    var runs: [ComparisonResult.Run] = []
    for (number, plan) in plans.enumerated() {
      let label = entries[number].label
      let path = directory.path(of: directoryName(ofEntry: number))
      let trainer = try Trainer(
        plan, policy: type.restore(from: model, options: options), references: [], sources: sources[number], data: data,
        in: RunDirectory(path, for: .newRun), logger: logger)
      let outcome = try trainer.run(progress: progress(label), interruption: interruption)
      try checkFinished(outcome, label, path)
      runs.append(
        ComparisonResult.Run(
          label: label, objective: plan.objective.description, hash: plan.objective.hash,
          learningRate: plan.configuration.learningRate, seconds: outcome.seconds, directory: path,
          records: try MetricsLog.read("\(path)/\(RunDirectory.metricsFile)"),
          dynamics: dynamics(of: plan.objective, label: label),
          hasNumericGradient: plan.objective.hasNumericGradient))
    }
    let result = ComparisonResult(
      runs: runs, start: start.map { _ in startSeconds }, trainingData: trainingData, evaluationData: evaluationData,
      policy: policyText, steps: plans.map { $0.course(promptCount: data.training.dataset.examples.count).1.totalSteps }
    )
    try Files.replace(directory.path(of: "report.html"), with: Array(result.report.utf8))
    try Files.replace(directory.path(of: "rewards.svg"), with: Array(result.rewardsPicture.utf8))
    return result
  }

  /// Trains the start, or saves the policy unchanged, and returns the model's path. Every run loads it with a fresh optimizer state.
  private func makeStart(
    _ policy: PolicyInstance, in directory: RunDirectory, progress: (String) -> Progress?, interruption: Interruption?,
    logger: Logger
  ) throws -> String {
    let path = directory.path(of: Self.startName)
    guard let plan = startPlan else {
      try CheckpointStore(directory: directory).writeDirectory(named: Self.startName) {
        try policy.save(to: $0, withOptimizer: false)
      }
      return path
    }
    let shown = progress(Self.startName)
    let trainer = try Trainer(
      plan, policy: policy, in: RunDirectory(path, for: .newRun), progress: shown, interruption: interruption,
      logger: logger)
    let outcome = try trainer.run(progress: shown, interruption: interruption)
    try checkFinished(outcome, Self.startName, path)
    return "\(path)/\(RunDirectory.modelName)"
  }

  /// Measures the data once, with the reference columns that any run reads.
  private func prepare(
    _ plans: [TrainingPlan], _ sources: [ColumnSources], from policy: PolicyInstance, store: ReferenceStore?,
    watch: Watch, _ logger: Logger
  ) throws -> PreparedData {
    let data = try PreparedData(plans[0], sources, policy: policy, watch: watch, logger: logger)
    try data.fillReferences(
      sources, [policy], batchSize: plans[0].configuration.evalBatchSize, store: store, watch: watch, logger: logger)
    return data
  }

  private func dynamics(of objective: Objective, label: String) -> ComparisonResult.Run.Dynamics {
    do {
      return .drawn(try DynamicsPicture(of: objective, title: label))
    } catch {
      return .refused("\(error)")
    }
  }

  private func checkFinished(_ outcome: Trainer.Outcome, _ label: String, _ path: String) throws {
    guard !outcome.isFinished else { return }
    throw Interruption.Stop(
      message: "stopped in run \(label) after step \(outcome.step) of \(outcome.totalSteps); its files are in \(path)")
  }

  /// A unique directory name for a run, made of the letters and digits of its label, and dashes.
  private func directoryName(ofEntry number: Int) -> String {
    let names = entries.map { entry in
      let words = entry.label.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
      return words.joined(separator: "-").lowercased()
    }
    let isUnique = names.count { $0 == names[number] } == 1 && names[number] != Self.startName && !names[number].isEmpty
    return isUnique ? names[number] : "\(number + 1)-\(names[number])"
  }

  private static let startName = "start", preparationName = "reference"
}
