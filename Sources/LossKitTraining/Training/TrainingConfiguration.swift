import LossKit
import LossKitRuntime

/// The settings of a training run: every number except those of the objective, the policy and the data.
///
/// `keys` lists them with their defaults, bounds and meaning; options, recipes and help are derived from it.
public struct TrainingConfiguration: Sendable, Equatable {
  /// The peak learning rate.
  public internal(set) var learningRate = 1e-4
  /// The shape of the learning rate after the warm-up.
  public internal(set) var schedulerType = Schedule.Shape.cosine
  /// The minimum learning rate of the schedule `cosineWithLowest`; 0 means `minRateRatio` applies.
  public internal(set) var minRate = 0.0
  /// The same as a fraction of the peak learning rate; 0 means `minRate` applies.
  public internal(set) var minRateRatio = 0.0
  /// The number of times the schedule `cosineWithRestarts` falls to 0.
  public internal(set) var cycles = 1
  /// The number of warm-up updates; 0 means `warmupRatio` applies.
  public internal(set) var warmupSteps = 0
  /// The fraction of all updates that are warm-up.
  public internal(set) var warmupRatio = 0.0
  /// Prompts per forward and backward call.
  public internal(set) var trainBatchSize = 8
  /// Prompts per forward call without learning: in evaluations, and for the reference's log-probabilities.
  public internal(set) var evalBatchSize = 8
  /// Calls per update.
  public internal(set) var gradientAccumulationSteps = 1
  /// The number of passes over the training data.
  public internal(set) var epochs = 1.0
  /// The total number of updates; -1 means `epochs` applies.
  public internal(set) var maxSteps = -1
  /// Decoupled weight decay per unit of learning rate.
  public internal(set) var weightDecay = 0.0
  /// The maximum global gradient norm; 0 disables clipping.
  public internal(set) var maxGradientNorm = 1.0
  /// Whether the reference follows the policy.
  public internal(set) var syncReference = false
  /// The number of updates between two moves of the reference, τ.
  public internal(set) var referenceSyncSteps = 512
  /// The policy's share in the reference's weights after a move, α.
  public internal(set) var referenceMixupAlpha = 0.6
  /// The seed of all random numbers of the run.
  public internal(set) var seed = 42
  /// The number of updates between two lines of metrics.
  public internal(set) var loggingSteps = 10
  /// Where metrics go beside `metrics.jsonl`.
  public internal(set) var reportTarget = ReportTarget.none
  /// The number of updates between two evaluations; 0 evaluates only at the end.
  public internal(set) var evalSteps = 0
  /// Whether to also evaluate before the first update.
  public internal(set) var evalOnStart = false
  /// The number of updates between two checkpoints; 0 writes only the final model.
  public internal(set) var saveSteps = 500
  /// The number of checkpoints to keep; 0 keeps all.
  public internal(set) var saveTotalLimit = 2

  /// A place for metrics beside `metrics.jsonl`.
  public enum ReportTarget: String, CaseIterable, Sendable {
    /// None.
    case none
    /// An event file in the run's directory.
    case tensorboard
  }

  /// Creates a configuration with the defaults.
  public init() {}

  /// Sets a key from text. Throws for an unknown key, and for a value of the wrong type or out of bounds.
  public mutating func set(_ name: String, to text: String) throws {
    guard let key = Self.keys.first(where: { $0.name == name }) else {
      throw Failure(unknownNameMessage(name, kind: "setting of the training", known: Self.keys.map(\.name)))
    }
    try key.set(&self, text)
  }

  /// The value of a key as text that `set` accepts; nil for an unknown key.
  public func text(of name: String) -> String? {
    Self.keys.first { $0.name == name }?.text(self)
  }

  /// The number of prompts per update.
  var updateSize: Int { trainBatchSize * gradientAccumulationSteps }

  /// The number of updates per pass over `count` prompts; the last update of a pass may see fewer prompts.
  func stepsPerEpoch(promptCount count: Int) -> Int {
    max(1, (count + updateSize - 1) / updateSize)
  }

  /// The total number of updates over `count` prompts.
  func totalSteps(promptCount count: Int) -> Int {
    if maxSteps > 0 { return maxSteps }
    return max(1, Int((epochs * Double(stepsPerEpoch(promptCount: count))).rounded(.up)))
  }

  /// The learning-rate schedule over `totalSteps` updates.
  func schedule(totalSteps: Int) -> Schedule {
    let warmup = warmupSteps > 0 ? warmupSteps : Int((warmupRatio * Double(totalSteps)).rounded(.up))
    return Schedule(
      shape: schedulerType, peak: learningRate, warmupSteps: warmup, totalSteps: totalSteps,
      lowestPart: minRate > 0 ? minRate / learningRate : minRateRatio, cycles: cycles)
  }

  /// Throws if settings contradict each other or have no effect.
  func check() throws {
    let type = schedulerType.rawValue
    func refuse(_ setting: String, unless shape: Schedule.Shape) throws {
      guard schedulerType != shape else { return }
      throw Failure("\(setting): lr_scheduler_type \(type) does not read it; leave it out, or set \(shape.rawValue)")
    }
    if minRate > 0 { try refuse("min_lr", unless: .cosineWithLowest) }
    if minRateRatio > 0 { try refuse("min_lr_rate", unless: .cosineWithLowest) }
    if cycles != 1 { try refuse("num_cycles", unless: .cosineWithRestarts) }
    if schedulerType == .constant, warmupSteps > 0 || warmupRatio > 0 {
      throw Failure(
        "lr_scheduler_type \(type) has no warm-up; leave out warmup_steps and warmup_ratio, or set "
          + Schedule.Shape.constantWithWarmup.rawValue)
    }
    guard schedulerType == .cosineWithLowest else { return }
    guard (minRate > 0) != (minRateRatio > 0) else {
      throw Failure("lr_scheduler_type \(type) needs one of min_lr and min_lr_rate; set one of them")
    }
    guard minRate <= learningRate else {
      throw Failure("invalid value \(minRate) for min_lr; expected at most learning_rate, \(learningRate)")
    }
  }
}
