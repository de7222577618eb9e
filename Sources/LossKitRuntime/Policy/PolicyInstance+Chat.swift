import CLossKit
public import LossKit

extension PolicyInstance {
  private var chat: losskit_chat_extension_v1? {
    type.extensionPointer(chatExtensionID)?.assumingMemoryBound(to: losskit_chat_extension_v1.self).pointee
  }

  /// Whether the instance renders conversations by a template of its own.
  public var hasChatTemplate: Bool {
    guard let hasTemplate = chat?.has_template else { return false }
    var result: Int32 = 0
    try? withPolicy { policy, _ in
      result = hasTemplate(policy)
      return 0
    }
    return result == 1
  }

  /// The text of each conversation; `forGeneration` ends it with what comes before the assistant's next turn. Throws a failure with the
  /// conversation's index as its prompt for one that the template refuses, and if the policy has no template.
  public func render(_ conversations: [Conversation], forGeneration: Bool) throws -> [String] {
    guard let render = chat?.render else { throw Failure("policy \(type.name): it has no template of conversations") }
    let receiver = TextReceiver(count: conversations.count)
    try conversations.withRaw { borrowed in
      try withPolicy(promptCount: conversations.count) { policy, error in
        render(
          policy, borrowed.baseAddress, borrowed.count, forGeneration ? UInt32(LOSSKIT_CHAT_GENERATE) : 0,
          { TextReceiver.receive($0, $1, $2) }, Unmanaged.passUnretained(receiver).toOpaque(), error)
      }
    }
    return try receiver.texts.enumerated().map { index, text in
      guard let text else {
        throw Failure("policy \(type.name): it rendered no text of conversation \(index + 1), or none in UTF-8")
      }
      return text
    }
  }

  /// Sets what texts are from now on. Throws if the policy does not take texts of this form.
  public func setTextForm(_ form: TextForm) throws {
    guard let setTextForm = chat?.set_text_form else {
      if form == .plain { return }
      throw Failure("policy \(type.name): it takes no rendered conversations")
    }
    try withPolicy { setTextForm($0, form.rawValue, $1) }
  }
}

/// Takes texts during the plugin's call, which owns them.
private final class TextReceiver {
  var texts: [String?]

  init(count: Int) { texts = Array(repeating: nil, count: count) }

  static func receive(_ context: UnsafeMutableRawPointer?, _ index: Int, _ text: UnsafePointer<losskit_text>?) {
    guard let context, let text = text?.pointee else { return }
    let receiver = Unmanaged<TextReceiver>.fromOpaque(context).takeUnretainedValue()
    guard receiver.texts.indices.contains(index) else { return }
    receiver.texts[index] = String(validating: text)
  }
}

extension [Conversation] {
  /// Calls `body` with the conversations as C structs.
  fileprivate func withRaw<Value>(
    _ body: (UnsafeBufferPointer<losskit_conversation>) throws -> Value
  ) rethrows -> Value {
    let messages = flatMap(\.messages)
    return try (messages.flatMap { [$0.role, $0.content, $0.members] } + map(\.tools)).withRawTexts { texts in
      let rawMessages = messages.indices.map { index in
        losskit_message(role: texts[3 * index], content: texts[3 * index + 1], members: texts[3 * index + 2])
      }
      return try rawMessages.withUnsafeBufferPointer { rawMessages in
        var start = 0
        let raw = enumerated().map { index, conversation in
          defer { start += conversation.messages.count }
          return losskit_conversation(
            message_count: conversation.messages.count, messages: rawMessages.baseAddress.map { $0 + start },
            tools: texts[3 * messages.count + index])
        }
        return try raw.withUnsafeBufferPointer(body)
      }
    }
  }
}
