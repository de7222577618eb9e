import ArgumentParser
import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// `losskit evaluate`: losses, rewards and gradients of given log-probabilities.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluates an objective on a file of log-probabilities, or a model on preference data.",
    discussion: """
      With --init, a model is evaluated on DATA, in any form that 'losskit train' takes, and the summary is that of held-out data \
      in training: loss, rewards, accuracies. --reference names the model it is compared with; without, all rewards are 0.

      INPUT has one JSON object per line, one line per prompt; all lines together are one batch, read in blocks where no \
      prompt's loss depends on the others. Each column is an array over the prompt's responses, best first; prompts may have \
      different numbers of responses:

        policy_logp           the policy's log-probability of each response
        reference_logp        the reference's; for R references, R such arrays
        token_count           the number of tokens of each response
        score                 a score for each response
        policy_token_logp     an array for each response, over its tokens
        reference_token_logp  the reference's; for R references, R of these

      and any other column that the objective declares ('losskit describe' shows them). A column per prompt is a number; so \
      may be a column of a single response. Log-probabilities are in nats. Pairs may have a key for each response instead of an \
      array, chosen_NAME and rejected_NAME, or TRL's: policy_chosen_logps, policy_rejected_logps, ref_chosen_logps, \
      ref_rejected_logps, chosen_tokens, rejected_tokens.

      OUTPUT has one object per line, in the same order: "loss", "reward" (unscaled, one per response) and "d_<column>" for each \
      differentiable column of the input, in the shape of that column: the derivative of the sum of all lines' losses. \
      Numbers read back as the same doubles. A file is replaced when all lines are evaluated; standard output may have the \
      results of the lines before one that is refused. A summary with TRL's metrics goes to standard output, or to standard error if \
      the lines go to standard output.

      EXAMPLES
        losskit evaluate --loss dpo --set beta=0.1 --input rows.jsonl
        echo '{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}' |
          losskit evaluate --loss dpo --input - --output -
        losskit evaluate --loss dpo --init run/model --reference base --data test.jsonl
      """)

  @OptionGroup var objective: ObjectiveOptions

  @Option(help: ArgumentHelp("The file of columns; '-' reads standard input.", valueName: "file"))
  var input: String?

  @OptionGroup var model: ModelOptions

  @Option(help: ArgumentHelp("Preference data for the model of --init; '-' reads standard input.", valueName: "file"))
  var data: String?

  @Option(help: ArgumentHelp("A reference model of the same policy; may be repeated.", valueName: "directory"))
  var reference: [String] = []

  @Option(help: ArgumentHelp("The file for the results; '-' is standard output.", valueName: "file"))
  var output: String?

  @Flag(help: "Write the summary as one JSON object.")
  var json = false

  @OptionGroup var plugins: PluginOptions

  func validate() throws {
    if let input, model.path != nil || data != nil {
      throw ValidationError("--input \(input) has log-probabilities already; leave out --init and --data, or --input")
    }
    if input == nil, data == nil || model.path == nil {
      throw ValidationError("name log-probabilities with --input, or a model with --init and its data with --data")
    }
    if data != nil, output != nil {
      throw ValidationError(
        "--output takes results of log-probabilities; write those of a model with 'losskit score' first")
    }
  }

  func run() throws {
    let registry = try plugins.registry()
    let objective = try objective.objective(in: registry)
    if let data { return try evaluateModel(on: data, objective, registry) }
    guard let input else { return }
    try checkPlaces(input)
    var rows = try blaming(.data) { try InputRows(path: input, for: objective) }
    let file = try output.flatMap { $0 == "-" ? nil : try FileReplacement($0) }
    var sums = PreferenceMetrics.Sums()
    while let table = try blaming(.data, { try rows.next() }) {
      var state = objective.initialState
      let evaluation = try table.locatingFailures {
        let evaluation = try objective.evaluate(table.batch, state: &state, gradients: output != nil)
        try sums.add(table.batch, evaluation)
        return evaluation
      }
      if output != nil {
        try table.writeResults(evaluation) { try file?.write($0) ?? Console.write(String(decoding: $0, as: UTF8.self)) }
      }
    }
    let summary = try blaming(.data) { try EvaluationSummary(objective, sums) }
    try file?.finish()
    if !rows.unread.isEmpty { Console.note("\(rows.name): not read: \(rows.unread.joined(separator: ", "))") }
    if json {
      let text = summary.json.compact + "\n"
      if output == "-" { Console.sayExactly(text) } else { try Console.write(text) }
    } else {
      if output == "-" { Console.say(summary.text) } else { try Console.show(summary.text) }
    }
  }

  /// Evaluates the model on preference data.
  private func evaluateModel(on path: String, _ objective: Objective, _ registry: PluginRegistry) throws {
    ConsoleLog.install()
    let data = try blaming(.data) { try PreferenceDataset.read(path: path) }
    let policy = try model.load(in: registry), references = try reference.map { try model.load($0, in: registry) }
    let plan = TrainingPlan(objective: objective, trainingData: data, policy: model.policy)
    let evaluation = try blaming(.data) {
      try ModelEvaluation(
        plan, policy: policy, references: references, progress: Progress(label: "evaluate"))
    }
    let summary = EvaluationSummary(objective, evaluation)
    if json { try Console.write(summary.json.compact + "\n") } else { try Console.show(summary.text) }
  }

  /// Throws if the results would be written to the file that is read.
  private func checkPlaces(_ input: String) throws {
    guard let output else { return }
    let places = try? (Stat(of: input, .standardInput), Stat(of: output, .standardOutput))
    guard let (source, target) = places, source.type == .regular, source.deviceID == target.deviceID,
      source.inode == target.inode
    else { return }
    let name = output == "-" ? "standard output" : output
    throw CommandFailure(
      status: .usage,
      message: "--output: \(name) is the file that --input reads; choose another file for the results")
  }
}

extension Stat {
  /// The status of a file, or of a standard file if the path is `-`.
  fileprivate init(of path: String, _ standard: FileDescriptor) throws {
    self = path == "-" ? try Stat(standard) : try Stat(path)
  }
}
