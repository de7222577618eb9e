public import Logging
public import LossKitRuntime

/// The metrics of a policy on preference data, without training it.
public struct ModelEvaluation {
  /// The metrics, TRL's names, in nats.
  public let metrics: [MetricsRecord.Metric]
  /// The number of prompts evaluated.
  public let promptCount: Int

  /// Evaluates the training data of a plan with its objective; the configuration's `evalBatchSize` prompts at a time. `references` are the
  /// reference models; if empty, the reference is the policy itself, and all rewards are 0. Throws what training would.
  public init(
    _ plan: TrainingPlan, policy: PolicyInstance, references: [PolicyInstance] = [], progress: Progress? = nil,
    logger: Logger = Logger(label: "losskit.evaluation")
  ) throws {
    let sources = try plan.sources(policy: policy.type, references: references.map(\.type))
    let watch = Watch(progress: progress)
    let data = try PreparedData(plan, [sources], policy: policy, watch: watch, logger: logger)
    let size = plan.configuration.evalBatchSize
    try data.fillReferences(
      [sources], references.isEmpty ? [policy] : references, batchSize: size, store: nil, watch: watch, logger: logger)
    let live = sources.needsLiveReferences ? references.isEmpty ? [try policy.copy()] : references : []
    let evaluation = try data.computation(of: plan.objective, sources, policy: policy, references: live)
    let prompts = data.training.dataset.examples.indices
    metrics = try evaluation.metrics(
      of: Array(prompts), in: data.training, callSize: size, state: plan.objective.initialState,
      seed: UInt64(plan.configuration.seed), watch: watch)
    promptCount = prompts.count
    progress?.finish()
  }
}
