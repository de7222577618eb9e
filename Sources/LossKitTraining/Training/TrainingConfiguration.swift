import LossKit
import LossKitRuntime

/// How a run is trained: every number but those of the objective, the policy and the data.
///
/// Its keys, with their defaults, bounds and meaning, stand in `keys`; options, recipes and help are derived from there.
public struct TrainingConfiguration: Sendable, Equatable {
  /// The highest learning rate.
  public internal(set) var learningRate = 1e-4
  /// What the learning rate does after the warm-up.
  public internal(set) var schedulerType = Schedule.Shape.cosine
  /// The learning rate that the schedule `cosineWithLowest` falls to; 0 leaves it to `minRateRatio`.
  public internal(set) var minRate = 0.0
  /// The same as a part of the highest learning rate; 0 leaves it to `minRate`.
  public internal(set) var minRateRatio = 0.0
  /// How many times the schedule `cosineWithRestarts` falls to 0.
  public internal(set) var cycles = 1
  /// Updates over which the learning rate climbs; 0 leaves it to `warmupRatio`.
  public internal(set) var warmupSteps = 0
  /// The part of all updates over which the learning rate climbs.
  public internal(set) var warmupRatio = 0.0
  /// Prompts per forward and backward call.
  public internal(set) var trainBatchSize = 8
  /// Prompts per forward call where nothing is learned: evaluation, and the reference's log-probabilities.
  public internal(set) var evalBatchSize = 8
  /// Calls per update.
  public internal(set) var gradientAccumulationSteps = 1
  /// How many times the data are seen.
  public internal(set) var epochs = 1.0
  /// Updates in all; -1 leaves it to `epochs`.
  public internal(set) var maxSteps = -1
  /// Decoupled weight decay per unit of learning rate.
  public internal(set) var weightDecay = 0.0
  /// The global gradient norm is clipped to this; 0 does not clip.
  public internal(set) var maxGradientNorm = 1.0
  /// Whether the reference follows the policy.
  public internal(set) var syncReference = false
  /// Updates between two moves of the reference, τ.
  public internal(set) var referenceSyncSteps = 512
  /// How far a move takes the reference towards the policy, α.
  public internal(set) var referenceMixupAlpha = 0.6
  /// Where all randomness of the run comes from.
  public internal(set) var seed = 42
  /// Updates between two lines of metrics.
  public internal(set) var loggingSteps = 10
  /// Updates between two evaluations; 0 evaluates at the end only.
  public internal(set) var evalSteps = 0
  /// Whether to evaluate before the first update, too.
  public internal(set) var evalOnStart = false
  /// Updates between two checkpoints; 0 writes none but the final model.
  public internal(set) var saveSteps = 500
  /// How many checkpoints are kept; 0 keeps all.
  public internal(set) var saveTotalLimit = 2

  /// The defaults.
  public init() {}

  /// Sets a key by its name, from text. Throws for an unknown key, and for a value that is not of the key's kind or bounds.
  public mutating func set(_ name: String, to text: String) throws {
    guard let key = Self.keys.first(where: { $0.name == name }) else {
      throw Failure(unknownNameMessage(name, kind: "setting of the training", known: Self.keys.map(\.name)))
    }
    try key.set(&self, text)
  }

  /// The value of a key as text that `set` takes back; nil for an unknown key.
  public func text(of name: String) -> String? {
    Self.keys.first { $0.name == name }?.text(self)
  }

  /// Prompts per update.
  var updateSize: Int { trainBatchSize * gradientAccumulationSteps }

  /// Updates per pass over `count` prompts; the last one may be smaller than the others.
  func stepsPerEpoch(promptCount count: Int) -> Int {
    max(1, (count + updateSize - 1) / updateSize)
  }

  /// Updates in all over `count` prompts.
  func totalSteps(promptCount count: Int) -> Int {
    if maxSteps > 0 { return maxSteps }
    return max(1, Int((epochs * Double(stepsPerEpoch(promptCount: count))).rounded(.up)))
  }

  /// The learning rate over `totalSteps` updates.
  func schedule(totalSteps: Int) -> Schedule {
    let warmup = warmupSteps > 0 ? warmupSteps : Int((warmupRatio * Double(totalSteps)).rounded(.up))
    return Schedule(
      shape: schedulerType, peak: learningRate, warmupSteps: warmup, totalSteps: totalSteps,
      lowestPart: minRate > 0 ? minRate / learningRate : minRateRatio, cycles: cycles)
  }

  /// Throws for settings that contradict each other, or that nothing reads.
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
