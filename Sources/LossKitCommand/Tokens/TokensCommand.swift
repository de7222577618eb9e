import ArgumentParser
import LossKit
import LossKitJSON
import LossKitTokenizer
import LossKitTraining

/// `losskit tokens`: what a model sees of texts.
struct TokensCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens",
    abstract: "Shows the tokens of texts.",
    discussion: """
      DATA has one JSON object per line, with the key "text". The tokens of each are printed as pieces with their numbers; \
      with --json, a line each: {"ids": [...], "decoded": "..."}. Special tokens in the text are recognized, and none are added.

      TOKENIZER is a tokenizer.json of byte-pair encoding: GPT-2, Llama, Mistral, Qwen, SmolLM2, Gemma, Phi-3. A note counts \
      bytes that no token stands for, which a model does not see.

      EXAMPLES
        losskit tokens --tokenizer model/tokenizer.json --data texts.jsonl
        echo '{"text": "Hello, world!"}' | losskit tokens --tokenizer model/tokenizer.json --data - --json
      """)

  @Option(help: ArgumentHelp("A tokenizer.json.", valueName: "file"))
  var tokenizer: String

  @Option(help: ArgumentHelp("The texts, as JSON Lines or a JSON array; '-' reads standard input.", valueName: "file"))
  var data: String

  @Flag(help: "Write one JSON object for each text.")
  var json = false

  func run() throws {
    let path = tokenizer
    let tokenizer = try blaming(.data) { try Tokenizer(contentsOf: path) }
    let reader = try blaming(.data) { try JSONLineReader(path: data) }
    var problems = Problems(in: reader.name), dropped = 0
    while let line = try blaming(.data, { try reader.next(&problems) }) {
      guard let text = line.value.object?["text"]?.string else {
        problems.add(line: line.number, "has no \"text\"; write an object with this key and a string")
        continue
      }
      let encoding = try blaming(.data) { try tokenizer.encode(text) }
      dropped += encoding.droppedBytes
      if json { try Console.write(jsonLine(encoding, tokenizer)) } else { try Console.show(shown(encoding, tokenizer)) }
    }
    try blaming(.data) { try problems.throwIfAny() }
    if dropped > 0 {
      Console.note(
        "\(reader.name): \(counted(dropped, "byte")) that no token stands for, and that a model does not see")
    }
  }

  private func jsonLine(_ encoding: Tokenizer.Encoding, _ tokenizer: Tokenizer) throws -> String {
    let members: JSONValue = .object([
      ("ids", .array(encoding.tokens.map { .number(Int($0)) })),
      ("decoded", .string(try tokenizer.decode(encoding.tokens))),
    ])
    return members.compact + "\n"
  }

  /// The pieces as a list of strings with their numbers: 9707:"Hello" 11:",".
  private func shown(_ encoding: Tokenizer.Encoding, _ tokenizer: Tokenizer) throws -> String {
    try encoding.tokens.map { "\($0):\(JSONValue.string(try tokenizer.decode([$0])).compact)" }.joined(separator: " ")
      + "\n"
  }
}
