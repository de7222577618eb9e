import LossKit
import LossKitRuntime
import LossKitTraining

/// Makes the parts of runs from settings.
struct RunPreparation {
  let settings: RunSettings
  let registry: PluginRegistry

  // MARK: Objectives

  /// An objective, with the settings that apply to it.
  func objective(_ text: String, settings assignments: [String]) throws -> Objective {
    try resolvedObjective(text, reward: settings.value(.reward), settings: assignments, in: registry)
  }

  /// The training configuration. `defaults` replace those of the keys; keys in `shared` also apply without the prefix unless set with it.
  /// `isMeant` says whether a value for one loss applies.
  func configuration(
    prefix: String = "", defaults: [String: String] = [:], shared: Set<String> = [],
    isMeant: (_ loss: String) -> Bool = { _ in false }
  ) throws -> TrainingConfiguration {
    func entry(_ name: String) -> (text: String, entry: RunSettings.Entry)? {
      let entries = settings.entries.filter { $0.key == name }
      let own = entries.last { $0.assigned.map { isMeant($0.name) } ?? false }
      return (own ?? entries.last { $0.assigned == nil }).map { ($0.assigned?.value ?? $0.value, $0) }
    }
    return try blaming(.usage) {
      var configuration = TrainingConfiguration()
      for key in TrainingConfiguration.keys {
        if let set = entry(prefix + key.name) ?? (shared.contains(key.name) ? entry(key.name) : nil) {
          try set.entry.locatingFailures { try configuration.set(key.name, to: set.text) }
        } else if let text = defaults[key.name] {
          try configuration.set(key.name, to: text)
        }
      }
      return configuration
    }
  }

  // MARK: Data

  /// The data for runs of some objectives: files, or reviews generated from a seed. Pairs become unpaired feedback if every objective takes
  /// that.
  func data(
    seed: Int, for objectives: [Objective]
  ) throws -> (training: PreferenceDataset, evaluation: PreferenceDataset?) {
    var data =
      if let path = settings.value(.data) {
        try readData(path)
      } else {
        try generatedData(seed: seed)
      }
    Console.note("data: \(data.training.source): \(data.training.report)")
    if let held = data.evaluation { Console.note("held out: \(held.source): \(held.report)") }
    if objectives.allSatisfy(\.takesUnpairedFeedback) {
      data = (unpaired(data.training), data.evaluation.map(unpaired))
    }
    for data in [data.training] + (data.evaluation.map { [$0] } ?? []) {
      for warning in data.warnings { Console.note("warning: \(data.source): \(warning)") }
    }
    return data
  }

  private func unpaired(_ data: PreferenceDataset) -> PreferenceDataset {
    guard data.kind == .pairs else { return data }
    Console.note(
      "\(data.source): each pair becomes two rows: the chosen response, desirable, and the rejected one, undesirable")
    return data.unpaired
  }

  private func readData(_ path: String) throws -> (training: PreferenceDataset, evaluation: PreferenceDataset?) {
    for key in [RunKey.generatedTraining, .generatedEvaluation] where settings.has(key) {
      throw CommandFailure(
        status: .usage, message: "\(key.name) is for generated reviews, and data is given; omit one of them")
    }
    let held = settings.value(.evaluationData)
    guard path != "-" || held != "-" else {
      throw CommandFailure(
        status: .usage, message: "data and eval_data are both standard input; name a file for one of them")
    }
    return try blaming(.data) {
      (try PreferenceDataset.read(path: path), try held.map { try PreferenceDataset.read(path: $0) })
    }
  }

  private func generatedData(seed: Int) throws -> (training: PreferenceDataset, evaluation: PreferenceDataset?) {
    try blaming(.usage) {
      guard !settings.has(.evaluationData) else {
        throw Failure("eval_data is given, but no training data; add data, or omit both to generate reviews")
      }
      let data = ControlledDataset.generate(
        seed: UInt64(seed), train: try count(.generatedTraining), evaluation: try count(.generatedEvaluation))
      return (data.train, data.evaluation)
    }
  }

  private func count(_ key: RunKey) throws -> Int {
    let text = settings.value(key) ?? ""
    guard let count = Int(text), (1...1_000_000).contains(count) else {
      throw Failure("invalid value \(text) for \(key.name); expected a whole number from 1 to 1000000")
    }
    return count
  }

  // MARK: Policy

  /// The type of the policy.
  func policyType() throws -> LoadedPolicyType {
    try blaming(.unavailable) { try registry.policyType(named: settings.value(.policy) ?? "") }
  }

  /// The policy at the start of a run: loaded if a path is given, otherwise initialized from the seed.
  func policy(seed: Int) throws -> PolicyInstance {
    let type = try policyType()
    let options = try policyOptions()
    if let path = settings.value(.start) {
      return try blaming(.data) { try type.load(path: path, options: options) }
    }
    guard type.canCreate else {
      throw CommandFailure(
        status: .usage,
        message: "policy \(type.name) cannot be created; name what to load with --\(RunKey.start.option)")
    }
    return try blaming(.usage) { try type.create(options: options, seed: UInt64(seed)) }
  }

  /// The reference models; empty to use the policy at its start.
  func references() throws -> [PolicyInstance] {
    let type = try referenceType()
    let options = try referenceOptions()
    return try settings.values(.reference).map { path in
      try blaming(.data) {
        do {
          return try type.load(path: path, options: options)
        } catch let failure as Failure where !options.isEmpty && !settings.has(.referenceSet) {
          throw Failure(
            "reference \(path): \(failure.message)\nreferences are loaded with the options of policy_set unless reference_set gives "
              + "others")
        }
      }
    }
  }

  /// The options for loading references: their own, or the policy's if both are of one type.
  func referenceOptions() throws -> [String: Double] {
    let type = try referenceType()
    guard settings.has(.referenceSet) else { return try type.isSame(as: policyType()) ? policyOptions() : [:] }
    guard settings.has(.reference) else {
      throw CommandFailure(
        status: .usage, message: "reference_set is given, but no reference; add one, or omit it")
    }
    return try blaming(.usage) { try type.options(settings.values(.referenceSet)) }
  }

  /// The references in words, with options set for them.
  func referenceTexts() throws -> [String] {
    let type = try referenceType()
    let own = settings.has(.referenceSet) ? try referenceOptions().sorted { $0.key < $1.key } : []
    let options = own.map { name, value in
      "\(name)=\(type.parameters.first { $0.name == name }?.format(value) ?? "")"
    }
    return settings.values(.reference).map { path in
      "\(type.name)" + (options.isEmpty ? "" : "(\(options.joined(separator: ", ")))") + " from \(path)"
    }
  }

  /// The type of the references.
  func referenceType() throws -> LoadedPolicyType {
    guard let name = settings.value(.referencePolicy) else { return try policyType() }
    guard settings.has(.reference) else {
      throw CommandFailure(
        status: .usage, message: "reference_policy is given, but no reference; add one, or omit it")
    }
    return try blaming(.unavailable) { try registry.policyType(named: name) }
  }

  /// The policy's start in words, with all that determines it.
  func policyText() throws -> String {
    let type = try policyType()
    let options = try policyOptions()
    let path = settings.value(.start)
    let values = type.parameters.compactMap { parameter -> String? in
      guard let value = options[parameter.name] ?? (path == nil ? parameter.initial : nil) else { return nil }
      return "\(parameter.name)=\(parameter.format(value))"
    }
    return type.name + (values.isEmpty ? "" : "(\(values.joined(separator: ", ")))")
      + (path.map { " from \($0)" } ?? "")
  }

  /// The options set for the policy.
  func policyOptions() throws -> [String: Double] {
    let type = try policyType()
    return try blaming(.usage) { try type.options(settings.values(.policySet)) }
  }
}

extension Objective {
  /// Whether it is a loss of single labelled responses.
  fileprivate var takesUnpairedFeedback: Bool {
    responses == 1...1 && columns.contains { $0.name == Column.label.name }
  }
}
