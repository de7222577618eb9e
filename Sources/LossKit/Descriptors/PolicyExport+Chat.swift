import CLossKit

/// The id of the extension that renders conversations.
package let chatExtensionID = "losskit.chat/1"

/// The extension of every Swift policy; an instance may have no template.
let chatExtension = PermanentPointer(
  pointer: UnsafeRawPointer(
    permanent(
      losskit_chat_extension_v1(has_template: hasTemplate, render: renderConversations, set_text_form: setTextForm))))

private func hasTemplate(_ handle: OpaquePointer?) -> Int32 {
  guard let handle else { return 0 }
  return PolicyInstanceBase.from(handle).hasChatTemplate ? 1 : 0
}

private func renderConversations(
  _ handle: OpaquePointer?, _ conversations: UnsafePointer<losskit_conversation>?, _ count: Int, _ flags: UInt32,
  _ receive: (@convention(c) (UnsafeMutableRawPointer?, Int, UnsafePointer<losskit_text>?) -> Void)?,
  _ context: UnsafeMutableRawPointer?, _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let receive, count == 0 || conversations != nil else { throw Failure("render: NULL argument") }
    let given = UnsafeBufferPointer(start: conversations, count: count).map(Conversation.init)
    let texts = try instance(handle).render(given, forGeneration: flags & UInt32(LOSSKIT_CHAT_GENERATE) != 0)
    guard texts.count == count else { throw Failure("render: \(texts.count) texts of \(count) conversations") }
    texts.withRawTexts { texts in
      for index in texts.indices { receive(context, index, texts.baseAddress.map { $0 + index }) }
    }
  }
}

private func setTextForm(
  _ handle: OpaquePointer?, _ form: UInt32, _ error: UnsafeMutablePointer<losskit_error>?
) -> Int32 {
  status(error) {
    guard let form = TextForm(rawValue: form) else { throw Failure("set_text_form: unknown form \(form)") }
    try instance(handle).setTextForm(form)
  }
}

extension Conversation {
  fileprivate init(_ conversation: losskit_conversation) {
    let messages = UnsafeBufferPointer(start: conversation.messages, count: conversation.message_count)
    self.init(
      messages.map { Message(role: String($0.role), content: String($0.content), members: String($0.members)) },
      tools: String(conversation.tools))
  }
}
