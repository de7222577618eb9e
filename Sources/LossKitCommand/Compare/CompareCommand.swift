import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// `losskit compare`: runs of several objectives from one start.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Trains one policy with several objectives from one start, and shows how they differ.",
    usage: "losskit compare <objective> ... --output <directory> [--data <file>] [<options>]",
    discussion: """
      The policy is first trained on the chosen responses; from there each objective has a separate run, with the same \
      data in the same order. A table of metrics on held-out data goes to standard output; report.html in the output directory has \
      the curves, and each run has a directory there.

      Options are those of 'losskit train'. A setting applies to every objective that has the hyperparameter. An option of the \
      training may differ by objective: '--learning-rate 1e-3 --learning-rate cal-dpo=1e-4'. With the prefix 'start-' it \
      applies to the start: '--start-learning-rate 1e-3'. The start has the runs' seed and batch sizes unless they are set \
      for it. Without --eval-data, a tenth of the data, drawn by the seed, is held out.

      EXAMPLES
        losskit compare dpo cal-dpo --output runs/comparison
        losskit compare 'dpo(beta=0.1)' ipo hinge --data train.jsonl \\
          --eval-data test.jsonl --output runs/comparison

      \(RunHelp.text(.compare))
      """)

  @OptionGroup var options: RunOptions

  func run() throws {
    StandardFiles.outliveReaders()
    ConsoleLog.install()
    let registry = try options.plugins.registry()
    let (settings, names) = try options.settings(.compare, in: registry)
    let preparation = RunPreparation(settings: settings, registry: registry)
    let own = settings.entries.filter { $0.key == RunKey.losses.name && $0.origin == .commandLine }.map(\.value) + names
    let texts = own.isEmpty ? settings.values(.losses) : own
    let output = try blaming(.usage) {
      guard !texts.isEmpty else { throw Failure("no objective is named; name those to compare, such as: dpo cal-dpo") }
      return try settings.required(.output)
    }
    let entries = try entries(texts, preparation)
    let seed = entries[0].configuration.seed
    let start = try supervisedStart(preparation)
    let policyText = try preparation.policyText()
    let data = try preparation.data(seed: seed, for: entries.map(\.objective))
    let held = data.evaluation.map { (data.training, $0) } ?? data.training.split(seed: seed)
    let type = try preparation.policyType()
    let comparison = try blaming(.usage) {
      try Comparison(
        entries, start: start, trainingData: held.0, evaluationData: held.1, policy: policyText)
    }
    try blaming(.data) { try comparison.checkData(policy: type) }
    try blaming(.usage) { try comparison.check(policy: type) }
    let directory = try RunDirectory(output, for: .newRun)
    let policy = try preparation.policy(seed: seed)
    do {
      let result = try comparison.run(
        from: consume policy, in: directory, progress: { Progress(label: $0) }, interruption: .onSignals(),
        referenceCache: preparation.settings.value(.referenceCache))
      try Console.show(result.text)
      Console.note("the curves are in \(output)/report.html")
    } catch let stop as Interruption.Stop {
      throw CommandFailure(
        status: .stopped, message: "\(stop.message); to start again, name another output directory than \(output)")
    }
  }

  private func entries(_ texts: [String], _ preparation: RunPreparation) throws -> [Comparison.Entry] {
    let settings = preparation.settings
    let objectives = try texts.map {
      try ComparedObjective($0, reward: settings.value(.reward), in: preparation.registry)
    }
    let assignments = settings.values(.set)
    try blaming(.usage) {
      try ComparedObjective.checkAllTaken(assignments, by: objectives)
      for entry in settings.entries where entry.isForOneLoss(.compare) {
        guard let name = entry.assigned?.name, !objectives.contains(where: { $0.isCalled(name) }) else { continue }
        throw Failure(
          "\(entry.key): " + unknownNameMessage(name, kind: "objective of this comparison", known: texts))
      }
    }
    let labels = try ComparedObjective.labels(of: texts)
    return try zip(objectives, labels).map { objective, label in
      let own = try assignments.filter { text in objective.takes(try Setting(parsing: text)) }
      return Comparison.Entry(
        label: label, objective: try preparation.objective(objective.text, settings: own),
        configuration: try preparation.configuration(defaults: ComparisonDefaults.run) { objective.isCalled($0) })
    }
  }

  /// The configured start that all runs share; nil for none.
  private func supervisedStart(_ preparation: RunPreparation) throws -> SupervisedStart? {
    guard let text = preparation.settings.value(.supervised), text != "none" else { return nil }
    let objective = try resolvedObjective(text, reward: nil, settings: [], in: preparation.registry)
    let configuration = try preparation.configuration(
      prefix: RunSchema.startPrefix, defaults: ComparisonDefaults.start, shared: ComparisonDefaults.sharedWithStart)
    return SupervisedStart(objective: objective, configuration: configuration)
  }
}

extension PreferenceDataset {
  /// Splits off a tenth, drawn by the seed, for evaluation.
  fileprivate func split(seed: Int) -> (PreferenceDataset, PreferenceDataset) {
    var random = RandomNumbers(seed: UInt64(seed), stream: 1 << 61)
    let count = max(1, examples.count / 10)
    let held = Set(random.permutation(of: examples.count).prefix(count))
    let kept = examples.indices.filter { !held.contains($0) }.map { examples[$0] }
    Console.note("no eval_data is given: \(count) of \(examples.count) examples are held out")
    return (
      PreferenceDataset(examples: kept, source: source),
      PreferenceDataset(examples: held.sorted().map { examples[$0] }, source: "a tenth of \(source)")
    )
  }
}
