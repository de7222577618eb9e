/// A conversation, which a policy with a chat template renders as text.
public struct Conversation: Sendable, Equatable {
  /// One message.
  public struct Message: Sendable, Equatable {
    /// The speaker: system, user, assistant, tool, or another that the template knows.
    public var role: String
    /// The text.
    public var content: String
    /// The other members as a JSON object, such as `{"tool_calls": […]}`; empty if there are none.
    public var members: String

    /// Creates a message.
    public init(role: String, content: String, members: String = "") {
      self.role = role
      self.content = content
      self.members = members
    }
  }

  /// The messages in order.
  public var messages: [Message]
  /// The tools that the model may call, as a JSON array; empty if there are none.
  public var tools: String

  /// Creates a conversation.
  public init(_ messages: [Message], tools: String = "") {
    self.messages = messages
    self.tools = tools
  }
}

/// What the texts that a policy takes are.
public enum TextForm: UInt32, Sendable {
  /// Plain text: the policy adds what its tokenizer puts before a text, and an end token to a response.
  case plain = 0
  /// Rendered conversations: control tokens stand in the text, and nothing is added.
  case rendered = 1
}
