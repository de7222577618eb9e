import ArgumentParser
import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// `losskit score`: a model's log-probabilities of the responses of preference data.
struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Computes a model's log-probabilities of the responses of preference data.",
    discussion: """
      DATA is in any form that 'losskit train' takes. Conversations are rendered by the model's chat template, if it has one.

      OUTPUT has the rows of the data with "reference_logp", an array over the responses as they stand in the row, in nats: \
      'losskit train' then evaluates no reference model. With --per-token it has "reference_token_logp" too, an array for each \
      response, over its tokens, the end token included. With --as policy, the names are "policy_logp" and "policy_token_logp": \
      rows scored twice, by a model and by its reference, are input of 'losskit evaluate'. A file is replaced when all rows are scored.

      With --json, standard output gets a line for each row: {"logp": [...], "token_count": [...]}, and with --per-token \
      "token_logp", an array of arrays.

      EXAMPLES
        losskit score --init base --data pairs.jsonl --output scored.jsonl
        losskit score --init base --data pairs.jsonl --json | head -n 1
        losskit score --init run/model --as policy --data scored.jsonl --output both.jsonl
        losskit evaluate --loss dpo --input both.jsonl
      """)

  @OptionGroup var model: ModelOptions

  @Option(help: ArgumentHelp("The preference data; '-' reads standard input.", valueName: "file"))
  var data: String

  @Option(help: ArgumentHelp("The file for the rows with log-probabilities.", valueName: "file"))
  var output: String?

  @Flag(help: "Write one JSON object for each row to standard output.")
  var json = false

  @Flag(help: "Write the log-probability of each token, too.")
  var perToken = false

  @Option(name: .customLong("as"), help: "What the model is in the rows of the output: reference or policy.")
  var part = Part.reference

  enum Part: String, ExpressibleByArgument, CaseIterable { case reference, policy }

  @Option(help: ArgumentHelp("The number of rows that the model computes at once.", valueName: "count"))
  var batchSize = 8

  @OptionGroup var plugins: PluginOptions

  func validate() throws {
    if output == nil, !json { throw ValidationError("nothing is asked for; name a file with --output, or add --json") }
    if batchSize < 1 { throw ValidationError("--batch-size \(batchSize) is less than 1") }
  }

  func run() throws {
    let policy = try model.load(in: plugins.registry())
    let file = try output.map { try FileReplacement($0) }
    let scoring = ResponseScoring(policy: policy, batchSize: batchSize, perToken: perToken)
    let cut = try blaming(.data) {
      try scoring.run(data) { row in
        if json { try Console.write(line(of: row)) }
        try file?.write(Array((try extended(row).dense + "\n").utf8))
      }
    }
    try file?.finish()
    if let cut { Console.note(cut) }
  }

  private func line(of row: ResponseScoring.Row) -> String {
    var members: [(String, JSONValue)] = [
      ("logp", array(row.logProbabilities)), ("token_count", .array(row.tokenCounts.map { .number($0) })),
    ]
    if let tokens = row.tokenLogProbabilities { members.append(("token_logp", .array(tokens.map(array)))) }
    return JSONValue.object(members).dense + "\n"
  }

  /// The row with the log-probabilities. Throws if it has one of them.
  private func extended(_ row: ResponseScoring.Row) throws -> JSONValue {
    var columns = [("\(part.rawValue)_logp", array(row.logProbabilities))]
    if let tokens = row.tokenLogProbabilities {
      columns.append(("\(part.rawValue)_token_logp", .array(tokens.map(array))))
    }
    for (name, _) in columns where row.members[name] != nil {
      throw Failure("\(data): a row has \(name) already; remove it, or write the scores with --json")
    }
    return .object(row.members.members.map { ($0.key, $0.value) } + columns)
  }

  private func array(_ numbers: [Double]) -> JSONValue { .array(numbers.map { .number($0) }) }
}
