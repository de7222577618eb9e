import ArgumentParser
import LossKit
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// `losskit generate`: responses to prompts, drawn from a policy.
struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Draws responses to prompts from a policy.",
    usage: "losskit generate --init <directory> --data <file> --output <file> [<options>]",
    discussion: """
      DATA is JSON Lines or a JSON array, optionally compressed with gzip, of objects with the key "prompt": a text, which the \
      model continues, or, if the model has a chat template, a list of messages. Other keys are passed over.

      OUTPUT has one JSON object per line, in the order of the prompts; each value but the prompt is an array over the responses:

        prompt         as given
        responses      the texts
        response_ids   the tokens of each, the end token included
        token_count    the number of tokens
        finish_reason  "eos" at an end token; "length" at --max-new-tokens or at the end of the context
        policy_logp    the log-probability of the tokens in nats, at temperature 1 and without filters

      losskit train reads these rows as rankings, best response first or with "scores" added: a list of numbers, one per response.

      Filters apply in the order of transformers: repetition penalty, temperature, top-k, top-p, min-p. By default, responses are \
      drawn from the model's own distribution. They are a function of the model, the prompt, its place in the data, the seed and the \
      filters; with another batch size or number of threads, a token may change where two are almost equally likely.

      Ctrl-C or SIGTERM stops; OUTPUT then has the prompts whose responses are complete.

      EXAMPLES
        losskit generate --init .build/models/SmolLM2-135M-Instruct --data prompts.jsonl --output samples.jsonl
        losskit generate --init runs/dpo/model --data prompts.jsonl --responses 8 --top-p 0.9 --output samples.jsonl
        echo '{"prompt": "Once upon a time"}' | losskit generate --init model --data - --temperature 0 --json
      """)

  @OptionGroup var model: ModelOptions

  @Option(help: ArgumentHelp("The prompts; '-' reads standard input.", valueName: "file"))
  var data: String

  @Option(help: ArgumentHelp("The file for the responses; '-' is standard output.", valueName: "file"))
  var output: String?

  @Option(help: ArgumentHelp("The number of responses to each prompt.", valueName: "count"))
  var responses = 1

  @Option(help: ArgumentHelp("The largest number of tokens of a response.", valueName: "count"))
  var maxNewTokens = 256

  @Option(
    help: ArgumentHelp("The divisor of the logits; 0 takes the most likely token each time.", valueName: "number"))
  var temperature = 1.0

  @Option(
    name: .customLong("top-k"),
    help: ArgumentHelp("Draw from this many most likely tokens; 0: all.", valueName: "count"))
  var topK = 0

  @Option(
    name: .customLong("top-p"),
    help: ArgumentHelp("Draw from the fewest most likely tokens with this probability; 1: all.", valueName: "number"))
  var topP = 1.0

  @Option(
    name: .customLong("min-p"),
    help: ArgumentHelp(
      "Draw from tokens at least this likely, relative to the most likely; 0: all.", valueName: "number"))
  var minP = 0.0

  @Option(
    help: ArgumentHelp("Makes tokens of the prompt and the response less likely, if above 1.", valueName: "number"))
  var repetitionPenalty = 1.0

  @Option(help: ArgumentHelp("The seed of the random numbers.", valueName: "number"))
  var seed: UInt64 = 42

  @Option(help: ArgumentHelp("The number of responses computed at once; affects time and memory.", valueName: "count"))
  var batchSize = 16

  @Flag(help: "Write the lines to standard output.")
  var json = false

  @OptionGroup var plugins: PluginOptions

  func run() throws {
    StandardFiles.outliveReaders()
    ConsoleLog.install()
    let settings = try blaming(.usage) { try self.settings() }
    let registry = try plugins.registry()
    let type = try blaming(.unavailable) { try registry.policyType(named: model.policy) }
    guard type.canSample else {
      throw CommandFailure(
        status: .usage, message: "policy \(type.name) draws no responses; a policy that does is transformer")
    }
    let prompts = try blaming(.data) { try GenerationPrompts(path: data) }
    let file = try output.flatMap { $0 == "-" ? nil : try FileReplacement($0) }
    let policy = try model.load(in: registry)
    let batches = try blaming(.data) { try prompts.batches(for: policy) }
    let isShown = json || output == "-"
    var run = GenerationRun(prompts: prompts, settings: settings) { line in
      try file?.write(Array(line.utf8))
      if isShown { try Console.write(line) }
    }
    let isFinished = try run.sample(batches, from: policy, interruption: .onSignals())
    try file?.finish()
    let summary = run.summary(output: output ?? "-")
    if isShown { Console.say(summary) } else { try Console.show(summary) }
    if !isFinished {
      let kept = output.map { $0 == "-" ? "" : "; \($0) has them" } ?? ""
      throw CommandFailure(
        status: .stopped, message: "stopped after \(run.written) of \(counted(prompts.rows.count, "prompt"))\(kept)")
    }
  }

  private func settings() throws -> SamplingSettings {
    guard json || output != nil else { throw Failure("name a file with --output, or write the lines with --json") }
    var settings = SamplingSettings()
    settings.samples = responses
    settings.maxTokens = maxNewTokens
    settings.batchSize = batchSize
    settings.topK = topK
    settings.temperature = temperature
    settings.topP = topP
    settings.minP = minP
    settings.repetitionPenalty = repetitionPenalty
    settings.seed = seed
    try settings.validate()
    return settings
  }
}
