import Logging
import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitSystem

extension Trainer {
  /// Makes the remaining steps, with evaluations, metrics and checkpoints at their intervals, and writes the final model to `model` in
  /// the run's directory. Stops with a checkpoint if `interruption` is requested.
  public func run(progress: Progress? = nil, interruption: Interruption? = nil) throws -> Outcome {
    let start = ContinuousClock.now
    defer { progress?.finish() }
    let watch = Watch(progress: progress, interruption: interruption)
    do {
      // A run interrupted during an evaluation lacks its line.
      if try !hasEvaluated() { try evaluate(watch) }
      while !isLast {
        try interruption?.check()
        let loss = try makeStep()
        let isLogged = isLast || isDue(plan.configuration.loggingSteps)
        show(loss, isLogged: isLogged, progress)
        if isLogged { try log() }
        try evaluate(watch)
        if isDue(plan.configuration.saveSteps) { try saveCheckpoint() }
      }
    } catch is Interruption.Stop {
      try saveCheckpoint()
      return try outcome(isFinished: false, since: start)
    }
    try store.writeDirectory(named: RunDirectory.modelName) {
      try policy.save(to: $0, withOptimizer: false)
      try CheckpointManifest.write(to: $0)
    }
    return try outcome(isFinished: true, since: start)
  }

  private var isLast: Bool { state.step == schedule.totalSteps }

  private func isDue(_ interval: Int) -> Bool { interval > 0 && state.step % interval == 0 }

  /// Makes one update and returns its loss.
  private func makeStep() throws -> Double {
    let began = ContinuousClock.now
    let configuration = plan.configuration
    let examples = order.examples(ofStep: state.step)
    let number = state.step + 1
    do {
      let metrics = try computation.learn(
        from: examples, in: data.training, callSize: configuration.trainBatchSize, state: &state.objectiveState,
        seed: order.objectiveSeed(ofStep: state.step))
      gradientNorm = try policy.step(
        PolicyUpdate(
          learningRate: schedule.rate(atStep: state.step), weightDecay: configuration.weightDecay,
          maxGradientNorm: configuration.maxGradientNorm > 0 ? configuration.maxGradientNorm : .infinity))
      state.step += 1
      try moveReference()
      state.window.add(metrics, weight: Double(examples.count))
      speed.add(pairs: examples.count, took: began.duration(to: .now))
      return metrics.first { $0.name == "loss" }?.value ?? .nan
    } catch let failure as Failure {
      throw Failure("step \(number) of \(schedule.totalSteps): \(failure.message)")
    }
  }

  /// Moves the reference towards the policy if a move is due after this step.
  private func moveReference() throws {
    guard plan.configuration.syncReference, isDue(plan.configuration.referenceSyncSteps) else { return }
    for reference in computation.references {
      try reference.blend(with: policy, weight: plan.configuration.referenceMixupAlpha)
    }
  }

  private func show(_ loss: Double, isLogged: Bool, _ progress: Progress?) {
    let position = Progress.Position(
      step: state.step, total: schedule.totalSteps, loss: loss, pairsPerSecond: speed.pairsPerSecond,
      secondsLeft: Double(schedule.totalSteps - state.step) * speed.secondsPerStep)
    progress?.update(position)
    if isLogged { progress?.log(position) }
  }

  /// Logs the metrics of the steps since the last line.
  private func log() throws {
    typealias Metric = MetricsRecord.Metric
    let means = state.window.means
    let training = [
      Metric("learning_rate", schedule.rate(atStep: state.step - 1)), Metric("grad_norm", gradientNorm),
    ]
    try append(
      means.filter { $0.name == "loss" } + training + means.filter { $0.name != "loss" }
        + [Metric("pairs_per_second", speed.pairsPerSecondSinceLap)])
    state.window = MetricsAverage()
    speed.lap()
  }

  /// Whether an evaluation is due after the last step that was made.
  private var isEvaluationDue: Bool {
    state.step == 0 ? plan.configuration.evalOnStart : isLast || isDue(plan.configuration.evalSteps)
  }

  /// Whether the log has the line of the evaluation after the last step.
  private func hasEvaluated() throws -> Bool {
    let last = try MetricsLog.read(directory.path(of: RunDirectory.metricsFile)).last { $0.isEvaluation }
    return last?.step == state.step
  }

  /// Evaluates on the held-out data, if there are any and an evaluation is due, and logs the metrics.
  private func evaluate(_ watch: Watch) throws {
    guard isEvaluationDue, let held = data.evaluation else { return }
    let metrics = try computation.metrics(
      of: Array(held.dataset.examples.indices), in: held, callSize: plan.configuration.evalBatchSize,
      state: state.objectiveState, seed: order.evaluationSeed, watch: watch)
    let record = try append(
      metrics.map { MetricsRecord.Metric(MetricsRecord.evaluationPrefix + $0.name, $0.value) })
    let shown = ["loss", "rewards/margins", "rewards/accuracies"].compactMap { name in
      record[MetricsRecord.evaluationPrefix + name].map { "\(name) \(significant($0))" }
    }
    watch.progress?.say("held out after step \(state.step): \(shown.joined(separator: "  "))")
  }

  @discardableResult
  private func append(_ metrics: [MetricsRecord.Metric]) throws -> MetricsRecord {
    let record = MetricsRecord(
      step: state.step, epoch: Double(state.step) / Double(order.stepsPerEpoch), metrics: metrics)
    try metricsLog.append(record)
    try board?.append(record)
    return record
  }

  private func saveCheckpoint() throws {
    guard try store.steps().last != state.step else { return }
    state.metricsLength = try metricsLog.synchronizedLength()
    state.policyDigest = try policy.identity()?.digest
    try store.write(step: state.step, keeping: plan.configuration.saveTotalLimit) { directory in
      try save(policy, to: "\(directory)/\(Self.policyName)", withOptimizer: true)
      if computation.sources.referencesMove, let reference = computation.references.first {
        try save(reference, to: "\(directory)/\(Self.movingReferenceName)", withOptimizer: false)
      }
      try Files.write(Array((state.json.indented + "\n").utf8), to: "\(directory)/\(TrainerState.fileName)")
    }
    logger.debug("checkpoint written", metadata: ["path": "\(store.path(ofStep: state.step))"])
  }

  private func outcome(isFinished: Bool, since start: ContinuousClock.Instant) throws -> Outcome {
    _ = try metricsLog.synchronizedLength()
    let records = try MetricsLog.read(directory.path(of: RunDirectory.metricsFile))
    return Outcome(
      isFinished: isFinished, step: state.step, totalSteps: schedule.totalSteps,
      seconds: start.duration(to: .now).seconds, evaluation: records.last { $0.isEvaluation })
  }
}
