import ArgumentParser
import LossKit
import LossKitJSON
import LossKitSystem
import LossKitTemplate
import LossKitTokenizer
import LossKitTraining

/// `losskit tokens`: what a model sees of texts and of conversations.
struct TokensCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokens",
    abstract: "Shows the tokens of texts and conversations.",
    discussion: """
      DATA has one JSON object per line, with the key "text", or with "messages" and perhaps "tools". The tokens of each are printed \
      as pieces with their numbers; with --json, a line each: {"ids": [...], "decoded": "..."} of a text and \
      {"text": "...", "ids": [...]} of messages. Special tokens in the text are recognized, and none are added.

      TOKENIZER is a tokenizer.json of byte-pair encoding: GPT-2, Llama, Mistral, Qwen, SmolLM2, Gemma, Phi-3. A note counts \
      bytes that no token stands for, which a model does not see.

      Messages are rendered by the model's chat template: chat_template.jinja beside TOKENIZER, or else 'chat_template' in \
      tokenizer_config.json there. "chat_template_kwargs" of a line are further variables of the template. Messages that the \
      template refuses are named with their line.

      EXAMPLES
        losskit tokens --tokenizer model/tokenizer.json --data texts.jsonl
        echo '{"text": "Hello, world!"}' | losskit tokens --tokenizer model/tokenizer.json --data - --json
        echo '{"messages": [{"role": "user", "content": "Hi"}]}' | losskit tokens --tokenizer model/tokenizer.json --data - \\
          --generation-prompt
      """)

  @Option(help: ArgumentHelp("A tokenizer.json.", valueName: "file"))
  var tokenizer: String

  @Option(help: ArgumentHelp("A chat template in Jinja, in place of the model's.", valueName: "file"))
  var chatTemplate: String?

  @Option(
    help: ArgumentHelp(
      "The texts or conversations, as JSON Lines or a JSON array; '-' reads standard input.", valueName: "file"))
  var data: String

  @Flag(help: "Render messages up to the beginning of an answer.")
  var generationPrompt = false

  @Flag(help: "Write one JSON object for each text.")
  var json = false

  func run() throws {
    let path = tokenizer
    let tokenizer = try blaming(.data) { try Tokenizer(contentsOf: path) }
    let reader = try blaming(.data) { try JSONLineReader(path: data) }
    var problems = Problems(in: reader.name), dropped = 0, chat: ModelChat?
    if let chatTemplate { chat = try blaming(.data) { try modelChat(template: chatTemplate) } }
    while let line = try blaming(.data, { try reader.next(&problems) }) {
      let isConversation = line.value.object?["messages"] != nil
      let text: String
      if isConversation {
        let model = try chat ?? blaming(.data) { try modelChat(template: nil) }
        chat = model
        do {
          text = try rendered(line.value, by: model)
        } catch let failure as Failure {
          problems.add(line: line.number, failure.message)
          continue
        }
      } else if let given = line.value.object?["text"]?.string {
        text = given
      } else {
        problems.add(
          line: line.number,
          "has no \"text\" and no \"messages\"; write an object with \"text\" and a string, or with "
            + "\"messages\" and a list")
        continue
      }
      let encoding = try blaming(.data) { try tokenizer.encode(text) }
      dropped += encoding.droppedBytes
      if json {
        try Console.write(jsonLine(encoding, isConversation ? text : nil, tokenizer))
      } else {
        try Console.show(shown(encoding, tokenizer))
      }
    }
    try blaming(.data) { try problems.throwIfAny() }
    if dropped > 0 {
      Console.note(
        "\(reader.name): \(counted(dropped, "byte")) that no token stands for, and that a model does not see")
    }
  }

  private func modelChat(template: String?) throws -> ModelChat {
    try ModelChat(directory: Files.parentDirectory(of: tokenizer), template: template)
  }

  private func rendered(_ line: JSONValue, by chat: ModelChat) throws -> String {
    func list(_ key: String) throws -> [JSONValue]? {
      guard let value = line.object?[key], value != .null else { return nil }
      guard let list = value.array, list.allSatisfy({ $0.object != nil }) else {
        throw Failure("\"\(key)\" is no list of objects; write [{...}, ...]")
      }
      return list
    }
    guard let messages = try list("messages") else { throw Failure("\"messages\" is null; write a list of objects") }
    let variables = line.object?["chat_template_kwargs"]?.object?.members.map { ($0.key, $0.value) } ?? []
    return try chat.render(
      messages: messages, tools: try list("tools"), addGenerationPrompt: generationPrompt, variables: variables)
  }

  /// The line of a text; `rendered` is that of a conversation.
  private func jsonLine(
    _ encoding: Tokenizer.Encoding, _ rendered: String?, _ tokenizer: Tokenizer
  ) throws -> String {
    let ids: JSONValue = .array(encoding.tokens.map { .number(Int($0)) })
    let members: [(String, JSONValue)] =
      if let rendered {
        [("text", .string(rendered)), ("ids", ids)]
      } else {
        [("ids", ids), ("decoded", .string(try tokenizer.decode(encoding.tokens)))]
      }
    return JSONValue.object(members).compact + "\n"
  }

  /// The pieces as a list of strings with their numbers: 9707:"Hello" 11:",".
  private func shown(_ encoding: Tokenizer.Encoding, _ tokenizer: Tokenizer) throws -> String {
    try encoding.tokens.map { "\($0):\(JSONValue.string(try tokenizer.decode([$0])).compact)" }.joined(separator: " ")
      + "\n"
  }
}
