public import LossKit

/// A setting of a training run: its name (TRL's, if TRL has it), its values, and its meaning.
public struct ConfigurationKey: Sendable {
  /// The type of a key's values.
  public enum Kind: Sendable, Equatable {
    /// Any number.
    case real
    /// A whole number.
    case integer
    /// true or false.
    case boolean
    /// One of several names.
    case choice([String])
  }

  /// The name in recipes; the command-line option is the same with dashes.
  public let name: String
  /// The type of its values.
  public let kind: Kind
  /// The range of its numbers; unbounded for a Boolean or a choice.
  public let bounds: Bounds
  /// The number outside the bounds that means "not set", if any.
  public let unset: Int?
  /// A one-sentence description.
  public let summary: String
  /// Whether the updates already made depend on it, so that a resumed run cannot change it.
  let decidesCourse: Bool
  let text: @Sendable (TrainingConfiguration) -> String
  /// Sets the key from text; returns false, and sets nothing, if the value is invalid.
  private let read: @Sendable (inout TrainingConfiguration, String) -> Bool

  /// The default value, as text.
  public var defaultText: String { text(TrainingConfiguration()) }

  /// A description of its values, such as "a number greater than 0".
  public var valuesText: String {
    switch kind {
    case .real: "a number \(Self.phrase(bounds))"
    case .integer: "a whole number \(Self.phrase(bounds))" + (unset.map { ", or \($0) for none" } ?? "")
    case .boolean: "true or false"
    case .choice(let names): "one of \(names.joined(separator: ", "))"
    }
  }

  private init<Value>(
    _ name: String, _ path: Path<Value>, _ kind: Kind, in bounds: Bounds, unset: Int? = nil, decidesCourse: Bool = true,
    _ summary: String, text: @escaping @Sendable (Value) -> String, value: @escaping @Sendable (String) -> Value?
  ) {
    self.name = name
    self.kind = kind
    self.bounds = bounds
    self.unset = unset
    self.summary = summary
    self.decidesCourse = decidesCourse
    self.text = { text($0[keyPath: path]) }
    read = { configuration, text in
      guard let value = value(text) else { return false }
      configuration[keyPath: path] = value
      return true
    }
  }

  /// Sets the key from text. Throws if the value has the wrong type or is out of bounds.
  func set(_ configuration: inout TrainingConfiguration, _ text: String) throws {
    guard read(&configuration, text) else {
      throw Failure("invalid value \(text) for \(name); expected \(valuesText)")
    }
  }
}

extension ConfigurationKey {
  typealias Path<Value> = any WritableKeyPath<TrainingConfiguration, Value> & Sendable

  static func real(
    _ name: String, _ path: Path<Double>, in bounds: Bounds, decidesCourse: Bool = true, _ summary: String
  ) -> Self {
    Self(name, path, .real, in: bounds, decidesCourse: decidesCourse, summary, text: { "\($0)" }) { text in
      Double(text).flatMap { bounds.contains($0) ? $0 : nil }
    }
  }

  static func integer(
    _ name: String, _ path: Path<Int>, in range: ClosedRange<Int>, unset: Int? = nil, decidesCourse: Bool = true,
    _ summary: String
  ) -> Self {
    let bounds = Bounds.closed(
      Double(range.lowerBound), range.upperBound == .max ? .infinity : Double(range.upperBound))
    return Self(
      name, path, .integer, in: bounds, unset: unset, decidesCourse: decidesCourse, summary, text: { "\($0)" }
    ) { text in
      Int(text).flatMap { range.contains($0) || $0 == unset ? $0 : nil }
    }
  }

  static func boolean(
    _ name: String, _ path: Path<Bool>, decidesCourse: Bool = true, _ summary: String
  ) -> Self {
    Self(name, path, .boolean, in: .closed(0, 1), decidesCourse: decidesCourse, summary, text: { "\($0)" }) { Bool($0) }
  }

  static func choice<E: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ path: Path<E>, decidesCourse: Bool = true, _ summary: String
  ) -> Self {
    Self(
      name, path, .choice(E.allCases.map(\.rawValue)), in: .any, decidesCourse: decidesCourse, summary,
      text: { $0.rawValue }
    ) { E(rawValue: $0) }
  }

  /// Describes bounds: "greater than 0", "from 0 to 1".
  private static func phrase(_ bounds: Bounds) -> String {
    switch (bounds.lower.isFinite, bounds.upper.isFinite) {
    case (true, true): "from \(shortNumber(bounds.lower)) to \(shortNumber(bounds.upper))"
    case (true, false): (bounds.isLowerOpen ? "greater than " : "not less than ") + shortNumber(bounds.lower)
    case (false, true): (bounds.isUpperOpen ? "less than " : "not greater than ") + shortNumber(bounds.upper)
    case (false, false): "that is finite"
    }
  }

  private static func shortNumber(_ value: Double) -> String {
    Int(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}

extension TrainingConfiguration {
  /// All settings, in the order of the help and `run.json`.
  public static let keys: [ConfigurationKey] = [
    .real("learning_rate", \.learningRate, in: .positive, "The peak learning rate."),
    .choice(
      "lr_scheduler_type", \.schedulerType,
      "The learning rate after the warm-up, as in Hugging Face's schedule of that name; constant has no warm-up."
    ),
    .real(
      "min_lr", \.minRate, in: .nonNegative,
      "The minimum learning rate of cosine_with_min_lr; 0 uses min_lr_rate."),
    .real(
      "min_lr_rate", \.minRateRatio, in: .closed(0, 1), "The same as a fraction of learning_rate; 0 uses min_lr."),
    .integer("num_cycles", \.cycles, in: 1...65_536, "How many times cosine_with_restarts falls to 0."),
    .integer(
      "warmup_steps", \.warmupSteps, in: 0...Int.max,
      "Updates of linear warm-up; 0 uses warmup_ratio."),
    .real(
      "warmup_ratio", \.warmupRatio, in: .closed(0, 1), "The fraction of all updates that are warm-up."),
    .integer("per_device_train_batch_size", \.trainBatchSize, in: 1...65_536, "Prompts per forward and backward call."),
    .integer(
      "per_device_eval_batch_size", \.evalBatchSize, in: 1...65_536, "Prompts per forward call without learning."),
    .integer(
      "gradient_accumulation_steps", \.gradientAccumulationSteps, in: 1...65_536,
      "Calls per update; an update sees this many times the training batch size."),
    .real(
      "num_train_epochs", \.epochs, in: .closed(1e-6, 1e6), decidesCourse: false, "Passes over the training data."),
    .integer(
      "max_steps", \.maxSteps, in: 1...1_000_000_000, unset: -1, decidesCourse: false,
      "The total number of updates; -1 uses num_train_epochs."),
    .real("weight_decay", \.weightDecay, in: .nonNegative, "Decoupled weight decay, per unit of learning rate."),
    .real("max_grad_norm", \.maxGradientNorm, in: .nonNegative, "Clips the global gradient norm; 0 disables clipping."),
    .boolean(
      "sync_ref_model", \.syncReference,
      "Moves the reference towards the policy (TR-DPO, arXiv:2404.09656); needs one reference of the policy's type."
    ),
    .integer(
      "ref_model_sync_steps", \.referenceSyncSteps, in: 1...1_000_000_000,
      "With sync_ref_model, updates between two moves of the reference."),
    .real(
      "ref_model_mixup_alpha", \.referenceMixupAlpha, in: .closed(0, 1),
      "With sync_ref_model, the policy's share in the reference's weights after a move; 1 copies the policy."),
    .integer("seed", \.seed, in: 0...Int.max, "The seed of all random numbers of the run."),
    .integer(
      "logging_steps", \.loggingSteps, in: 1...Int.max, decidesCourse: false,
      "Updates between two lines of metrics; each line is the mean over them."),
    .choice(
      "report_to", \.reportTarget, decidesCourse: false,
      "Where metrics go beside metrics.jsonl: an event file for TensorBoard, or nowhere."),
    .integer(
      "eval_steps", \.evalSteps, in: 0...Int.max, decidesCourse: false,
      "Updates between two evaluations; 0 evaluates only at the end."),
    .boolean("eval_on_start", \.evalOnStart, decidesCourse: false, "Also evaluates before the first update."),
    .integer(
      "save_steps", \.saveSteps, in: 0...Int.max, decidesCourse: false,
      "Updates between two checkpoints; 0 writes only the final model."),
    .integer(
      "save_total_limit", \.saveTotalLimit, in: 0...Int.max, decidesCourse: false,
      "The number of checkpoints to keep; 0 keeps all."),
  ]
}
