package import LossKit
package import LossKitJSON

/// The messages of an example, which a policy with a chat template renders.
struct ExampleConversation: Sendable, Equatable {
  /// The messages before the responses.
  var prompt: [Message]
  /// The messages of each response, in the order of the example's responses.
  var responses: [[Message]]
  /// The tools that the model may call, as a JSON array; empty if there are none.
  var tools = ""

  /// Whether only a chat template can render the example.
  var needsTemplate: Bool { !tools.isEmpty || (prompt + responses.joined()).contains(where: \.needsTemplate) }

  /// The conversation up to the responses, then with each response.
  var conversations: [Conversation] {
    ([prompt] + responses.map { prompt + $0 }).map { Conversation($0, tools: tools) }
  }
}

extension Conversation {
  fileprivate init(_ messages: [LossKitTraining.Message], tools: String) {
    self.init(
      messages.map { Message(role: $0.role.rawValue, content: $0.content, members: $0.members) }, tools: tools)
  }

  /// A conversation of the messages under `prompt`, in the forms that training takes. Throws a `Failure` that names the message.
  package init(prompt values: [JSONValue], tools: String = "") throws {
    self.init(try LossKitTraining.Message.list(values, key: "prompt"), tools: tools)
  }
}
