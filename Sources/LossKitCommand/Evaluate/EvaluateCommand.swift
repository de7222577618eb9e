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
    abstract: "Evaluates an objective, with gradients, on a file of log-probabilities.",
    discussion: """
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
      """)

  @OptionGroup var objective: ObjectiveOptions

  @Option(help: ArgumentHelp("The file of columns; '-' reads standard input.", valueName: "file"))
  var input: String

  @Option(help: ArgumentHelp("The file for the results; '-' is standard output.", valueName: "file"))
  var output: String?

  @Flag(help: "Write the summary as one JSON object.")
  var json = false

  @OptionGroup var plugins: PluginOptions

  func run() throws {
    let registry = try plugins.registry()
    let objective = try objective.objective(in: registry)
    try checkPlaces()
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

  /// Throws if the results would be written to the file that is read.
  private func checkPlaces() throws {
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
