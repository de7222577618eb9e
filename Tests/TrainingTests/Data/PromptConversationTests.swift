import LossKit
import LossKitJSON
import LossKitTraining
import Testing

/// The messages of a prompt, as `generate` hands them to a chat template.
struct PromptConversationTests {
  private func messages(_ text: String) throws -> [Conversation.Message] {
    try Conversation(prompt: try #require(try JSONValue(parsing: Array(text.utf8)).array)).messages
  }

  /// ShareGPT's roles went to the template by their own names.
  @Test func formsOfTrainingGiveTheSame() throws {
    let expected = [Conversation.Message(role: "user", content: "Q")]
    #expect(try messages(#"[{"role": "user", "content": "Q"}]"#) == expected)
    #expect(try messages(#"[{"from": "human", "value": "Q"}]"#) == expected)
    #expect(try messages(#"[{"role": "user", "content": [{"type": "text", "text": "Q"}]}]"#) == expected)
  }

  @Test func furtherMembersArePassedOn() throws {
    let calls = try messages(#"[{"role": "assistant", "content": null, "tool_calls": [{"id": 1}]}]"#)
    #expect(calls == [Conversation.Message(role: "assistant", content: "", members: #"{"tool_calls":[{"id":1}]}"#)])
  }

  @Test func whatIsNoMessageIsNamed() {
    let failure = #expect(throws: Failure.self) { try messages(#"[{"role": "user", "content": "Q"}, "R"]"#) }
    #expect(failure?.message.contains("message 2 of prompt is not an object with the keys role and content") == true)
  }
}
