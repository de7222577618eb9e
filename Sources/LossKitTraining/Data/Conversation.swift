import LossKit

/// Who speaks a turn, as conversational data names it.
enum Role: String, CaseIterable {
  case system, user, assistant

  /// What stands before a turn in a text transcript; the names are those of the HH data.
  var marker: String {
    switch self {
    case .system: "\n\nSystem:"
    case .user: "\n\nHuman:"
    case .assistant: "\n\nAssistant:"
    }
  }
}

/// One turn of a conversation.
struct Message: Equatable {
  var role: Role
  var content: String

  /// The message in a text transcript: its marker, a space, what is said.
  var rendered: String { "\(role.marker) \(content)" }
}

extension Message {
  /// The messages of a list of objects with `role` and `content`; throws a `Failure` that names the key and the message.
  static func list(_ values: [JSONValue], key: String) throws -> [Message] {
    try values.enumerated().map { index, value in
      try Message(value, place: "message \(index + 1) of \(key)")
    }
  }

  private init(_ value: JSONValue, place: String) throws {
    guard case .object(let members) = value, let role = members["role"], let content = members["content"] else {
      throw Failure("\(place) is not an object with the keys role and content; write {\"role\": …, \"content\": …}")
    }
    guard case .string(let content) = content else {
      throw Failure("the content of \(place) is \(content.kindName); write a string")
    }
    guard case .string(let name) = role, let role = Role(rawValue: name) else {
      let names = Role.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure("the role of \(place) is not one of \(names); rename it")
    }
    self.init(role: role, content: content)
  }
}

/// The messages of a prompt as text, with the marker of the assistant's turn that is to come.
func renderedPrompt(_ messages: some Sequence<Message>) -> String {
  messages.map(\.rendered).joined() + Role.assistant.marker
}

/// The messages of a response as text that continues the prompt; throws a `Failure` where they are no assistant's response.
func renderedResponse(_ messages: some Collection<Message>, key: String) throws -> String {
  guard messages.first?.role == .assistant else {
    throw Failure("\(key) does not begin with a message of the assistant; put all that comes before it into the prompt")
  }
  return String(messages.map(\.rendered).joined().dropFirst(Role.assistant.marker.count))
}
