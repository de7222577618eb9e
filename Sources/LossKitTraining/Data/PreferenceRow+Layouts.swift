import LossKit
import LossKitJSON

extension PreferenceRow {
  static func pair(_ fields: Fields, line: Int) throws -> PreferenceRow {
    let (chosen, rejected) = (try fields.text("chosen"), try fields.text("rejected"))
    func row(
      _ layout: Form.Layout, _ split: SharedPrompt, isConversational: Bool
    ) throws -> PreferenceRow {
      var example = PreferenceExample(prompt: split.prompt, responses: [split.chosen, split.rejected], line: line)
      example.further = fields.further(without: ["prompt", "conversations", "chosen", "rejected"])
      try example.setConversation(split.messages, fields)
      return PreferenceRow(
        layout, isConversational: isConversational, example, hasFurtherTurn: split.hasFurtherTurn)
    }
    switch (try fields.prompt(), chosen, rejected) {
    case (.plain(let prompt), .plain(let chosen), .plain(let rejected)):
      return try row(
        .explicit, SharedPrompt(prompt: prompt, chosen: chosen, rejected: rejected), isConversational: false)
    case (.messages(let prompt), .messages(let chosen), .messages(let rejected)):
      let split = try SharedPrompt(prompt: prompt, chosen: chosen, rejected: rejected)
      return try row(.explicit, split, isConversational: true)
    case (nil, .plain(let chosen), .plain(let rejected)):
      return try row(.implicit, SharedPrompt(chosen: chosen, rejected: rejected), isConversational: false)
    case (nil, .messages(let chosen), .messages(let rejected)):
      return try row(.implicit, SharedPrompt(chosen: chosen, rejected: rejected), isConversational: true)
    case (.plain(let prompt), .messages(let chosen), .messages(let rejected)):
      let split = try SharedPrompt(textPrompt: prompt, chosen: chosen, rejected: rejected)
      return try row(.implicit, split, isConversational: true)
    default:
      throw Failure("prompt, chosen and rejected are not all text or all message lists; write them in one way")
    }
  }

  static func unpaired(_ fields: Fields, line: Int) throws -> PreferenceRow {
    let label = try fields.label()
    func row(_ prompt: String, _ response: String, _ messages: ExampleConversation? = nil) throws -> PreferenceRow {
      var example = PreferenceExample(prompt: prompt, responses: [response], label: label, line: line)
      example.further = fields.further(without: ["prompt", "conversations", "completion", "label"])
      try example.setConversation(messages, fields)
      return PreferenceRow(.unpaired, isConversational: messages != nil, example)
    }
    switch (try fields.requiredPrompt(), try fields.text("completion")) {
    case (.plain(let prompt), .plain(let completion)): return try row(prompt, completion)
    case (.messages(let prompt), .messages(let completion)):
      let response = try renderedResponse(completion, key: "completion")
      return try row(
        renderedPrompt(prompt), response, ExampleConversation(prompt: prompt, responses: [completion]))
    default:
      throw Failure("prompt and completion are not both text or both message lists; write them in one way")
    }
  }

  static func ranking(_ fields: Fields, line: Int) throws -> PreferenceRow {
    let prompt = try fields.requiredPrompt()
    let responses = try fields.responses()
    var messages: [[Message]] = []
    let texts = try responses.enumerated().map { index, response in
      switch (prompt, response) {
      case (.plain, .plain(let text)): return text
      // After messages, a plain text is the assistant's.
      case (.messages, .plain(let text)):
        messages.append([Message(role: .assistant, content: text)])
        return try renderedResponse(messages[index], key: "response \(index + 1)")
      case (.messages, .messages(let list)):
        messages.append(list)
        return try renderedResponse(list, key: "response \(index + 1)")
      case (.plain, .messages):
        throw Failure("prompt is text and response \(index + 1) a list of messages; write both in one way")
      }
    }
    let scores = try fields.scores(count: texts.count)
    // Best first; equal scores keep the order of the file.
    let order = texts.indices.sorted { first, second in
      guard let scores, scores[first] != scores[second] else { return first < second }
      return scores[first] > scores[second]
    }
    var example = PreferenceExample(
      prompt: "", responses: order.map { texts[$0] }, scores: scores.map { scores in order.map { scores[$0] } },
      line: line)
    // Of generated rows, the values of the policy that they were drawn from are no columns.
    let drawn = fields.has("response_ids") ? ["response_ids", "token_count", "finish_reason", "policy_logp"] : []
    example.further = fields.further(without: ["prompt", "conversations", "responses", "scores"] + drawn)
    example.places = order
    let layout = scores == nil ? Form.Layout.ranking : .scoredRanking
    switch prompt {
    case .plain(let text):
      example.prompt = text
      return PreferenceRow(layout, isConversational: false, example)
    case .messages(let list):
      example.prompt = renderedPrompt(list)
      try example.setConversation(ExampleConversation(prompt: list, responses: order.map { messages[$0] }), fields)
      return PreferenceRow(layout, isConversational: true, example)
    }
  }
}

extension PreferenceExample {
  /// Keeps the messages of a conversational row, with the tools under `tools`.
  fileprivate mutating func setConversation(_ messages: ExampleConversation?, _ fields: Fields) throws {
    guard var messages else { return }
    messages.tools = try fields.tools()
    conversation = messages
    further = further.filter { $0.key != "tools" }
  }
}
