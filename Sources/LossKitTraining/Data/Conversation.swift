import LossKit
import LossKitJSON

/// The speaker of a turn in conversational data.
enum Role: String, CaseIterable {
  case system, user, assistant, tool

  /// The role with a name, in OpenAI's messages or in ShareGPT's.
  init?(named name: String) {
    switch name {
    case "human": self = .user
    case "gpt": self = .assistant
    default: self.init(rawValue: name)
    }
  }

  /// The marker before a turn in a text transcript, with the names of the HH data.
  var marker: String {
    switch self {
    case .system: "\n\nSystem:"
    case .user: "\n\nHuman:"
    case .assistant: "\n\nAssistant:"
    case .tool: "\n\nTool:"
    }
  }
}

/// One turn of a conversation.
struct Message: Equatable, Sendable {
  var role: Role
  var content: String
  /// The members beside role and content, such as tool calls, as a JSON object; empty if there are none.
  var members = ""

  /// Whether only a chat template can render the message: a transcript has no place for tools.
  var needsTemplate: Bool { role == .tool || !members.isEmpty }

  /// The message in a text transcript: its marker, a space, and its content.
  var rendered: String { "\(role.marker) \(content)" }

  /// Whether both have the same role and, byte for byte, the same content.
  static func == (first: Message, second: Message) -> Bool {
    first.role == second.role && ExactText(first.content) == ExactText(second.content)
      && ExactText(first.members) == ExactText(second.members)
  }
}

extension Message {
  /// Reads a list of objects with `role` and `content`, or with `from` and `value`. Throws a `Failure` that names the key and the
  /// message.
  static func list(_ values: [JSONValue], key: String) throws -> [Message] {
    try values.enumerated().map { index, value in
      try Message(value, place: "message \(index + 1) of \(key)")
    }
  }

  /// Reads a message from an object.
  init(_ value: JSONValue, place: String) throws {
    guard case .object(let members) = value, let role = members["role"] ?? members["from"] else {
      throw Failure("\(place) is not an object with the keys role and content; write {\"role\": …, \"content\": …}")
    }
    let name = if case .string(let name) = role { name } else { "" }
    guard !Self.otherToolRoles.contains(name), members["function_call"] ?? .null == .null else {
      throw Failure(
        "\(place) is a function call of an old form; write {\"role\": \"assistant\", \"tool_calls\": […]} and "
          + "{\"role\": \"tool\", \"content\": …}")
    }
    let others = members.filter { !["role", "from", "content", "value"].contains($0.key) && $0.value != .null }
    let hasCalls = others["tool_calls"] != nil
    guard let role = Role(named: name) else {
      let names = Role.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure("the role of \(place) is not one of \(names); rename it")
    }
    let content = (members["content"] ?? members["value"]).flatMap { $0 == .null && hasCalls ? nil : $0 }
    guard content != nil || hasCalls else {
      throw Failure("\(place) is not an object with the keys role and content; write {\"role\": …, \"content\": …}")
    }
    self.init(
      role: role, content: try content.map { try Self.text($0, place) } ?? "",
      members: others.members.isEmpty ? "" : JSONValue.object(others).dense)
  }

  private static let otherToolRoles = ["function", "function_call", "observation", "ipython"]

  /// The content of a message: a string, or a list of text parts, which are concatenated.
  private static func text(_ content: JSONValue, _ place: String) throws -> String {
    switch content {
    case .string(let text): return text
    case .array(let parts): return try parts.enumerated().map { try text(ofPart: $1, $0 + 1, place) }.joined()
    default: throw Failure("the content of \(place) is \(content.kindName); write a string")
    }
  }

  private static func text(ofPart part: JSONValue, _ number: Int, _ place: String) throws -> String {
    guard case .object(let members) = part, members["type"] == .string("text"),
      case .string(let text)? = members["text"]
    else {
      throw Failure(
        "part \(number) of the content of \(place) is not {\"type\": \"text\", \"text\": …}; only texts can be trained on, "
          + "remove the row")
    }
    return text
  }
}

/// Renders the messages of a prompt as text, followed by the marker of the assistant's next turn.
func renderedPrompt(_ messages: some Sequence<Message>) -> String {
  messages.map(\.rendered).joined() + Role.assistant.marker
}

/// Renders the messages of a response as text that continues the prompt. Throws a `Failure` if they do not begin with the assistant.
func renderedResponse(_ messages: some Collection<Message>, key: String) throws -> String {
  guard messages.first?.role == .assistant else {
    throw Failure("\(key) does not begin with a message of the assistant; put all that comes before it into the prompt")
  }
  return String(messages.map(\.rendered).joined().dropFirst(Role.assistant.marker.count))
}
