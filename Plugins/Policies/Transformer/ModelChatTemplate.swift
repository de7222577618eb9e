import LossKit
import LossKitJSON
import LossKitTemplate

/// The chat template of a model, from its directory.
struct ModelChatTemplate {
  private let chat: ModelChat

  /// Reads the template of a model's directory; nil if it has none.
  init?(directory: String) throws {
    guard let chat = try ModelChat(in: directory) else { return nil }
    self.chat = chat
  }

  /// The text of each conversation.
  func render(_ conversations: [Conversation], forGeneration: Bool) throws -> [String] {
    try conversations.enumerated().map { index, conversation in
      do {
        return try chat.render(
          messages: conversation.messages.enumerated().map { try Self.json($1, number: $0 + 1) },
          tools: try Self.tools(conversation.tools), addGenerationPrompt: forGeneration)
      } catch let failure as Failure {
        throw Failure("transformer: \(failure.message)", prompt: index)
      }
    }
  }

  private static func json(_ message: Conversation.Message, number: Int) throws -> JSONValue {
    var members: [(String, JSONValue)] = [("role", .string(message.role)), ("content", .string(message.content))]
    if !message.members.isEmpty {
      guard let object = try parsed(message.members, "message \(number)").object else {
        throw Failure("the further members of message \(number) are not a JSON object")
      }
      members += object.members.map { ($0.key, $0.value) }
    }
    return .object(members)
  }

  private static func tools(_ text: String) throws -> [JSONValue]? {
    guard !text.isEmpty else { return nil }
    guard let tools = try parsed(text, "the tools").array else { throw Failure("the tools are not a JSON array") }
    return tools
  }

  private static func parsed(_ text: String, _ place: String) throws -> JSONValue {
    do throws(JSONError) {
      return try JSONValue(parsing: Array(text.utf8))
    } catch {
      throw Failure("\(place): \(error)")
    }
  }
}
