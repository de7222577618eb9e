import LossKit

/// A prompt and the two responses that follow it, split from two transcripts that share it.
struct SharedPrompt: Equatable {
  var prompt: String
  var chosen: String
  var rejected: String
  /// Whether a response contains another turn.
  var hasFurtherTurn = false
  /// The messages, if the transcripts were lists of messages.
  var messages: ExampleConversation?
}

extension SharedPrompt {
  /// Splits two text transcripts after the last assistant marker that both share.
  ///
  /// The prompt is not the longest common prefix, which would include the words with which both responses happen to begin. If the
  /// transcripts diverge before the last turn, each response is the rest of its transcript and contains another turn; if they diverge in
  /// a human turn, they answer different prompts, and a `Failure` is thrown.
  init(chosen: String, rejected: String) throws {
    let (first, second) = (Array(chosen.utf8), Array(rejected.utf8))
    let shared = first[..<zip(first, second).prefix { $0 == $1 }.count]
    let assistant = Array(Role.assistant.marker.utf8)
    guard let marker = lastOccurrence(of: assistant, in: shared) else {
      throw try differentPrompts(chosen: first, rejected: second, marker: assistant)
    }
    let start = marker + assistant.count
    guard lastOccurrence(of: Array(Role.user.marker.utf8), in: shared[start...]) == nil else {
      throw Failure(
        "the prompts of chosen and rejected differ: the transcripts part in a human turn; make all turns before the response "
          + "equal")
    }
    prompt = String(decoding: first[..<start], as: UTF8.self)
    self.chosen = String(decoding: first[start...], as: UTF8.self)
    self.rejected = String(decoding: second[start...], as: UTF8.self)
    hasFurtherTurn =
      lastOccurrence(of: assistant, in: first[start...]) != nil
      || lastOccurrence(of: assistant, in: second[start...]) != nil
  }

  /// Splits two message lists before the assistant's turn in which they diverge, or before the last turn if they are equal.
  init(chosen: [Message], rejected: [Message]) throws {
    for (key, messages) in [("chosen", chosen), ("rejected", rejected)] where messages.last?.role != .assistant {
      throw Failure("\(key) does not end with a message of the assistant; end it with the response")
    }
    let shared = zip(chosen, rejected).prefix { $0 == $1 }.count
    let end = min(shared, chosen.count - 1, rejected.count - 1)
    guard chosen[end].role == .assistant, rejected[end].role == .assistant else {
      throw Failure(
        "the prompts of chosen and rejected differ: they part in message \(end + 1), which is not the assistant's in both; "
          + "make all messages before the response equal")
    }
    try self.init(prompt: Array(chosen[..<end]), chosen: Array(chosen[end...]), rejected: Array(rejected[end...]))
    hasFurtherTurn = max(chosen.count, rejected.count) > end + 1
  }
}

extension SharedPrompt {
  /// A prompt and its responses as messages.
  init(prompt: [Message], chosen: [Message], rejected: [Message]) throws {
    self.prompt = renderedPrompt(prompt)
    self.chosen = try renderedResponse(chosen, key: "chosen")
    self.rejected = try renderedResponse(rejected, key: "rejected")
    messages = ExampleConversation(prompt: prompt, responses: [chosen, rejected])
  }

  /// Splits two message lists that come with a text prompt. The prompt is the user's message before lists that begin with the assistant's
  /// turn; for other lists, it must equal the user's first message or all messages before the response.
  init(textPrompt: String, chosen: [Message], rejected: [Message]) throws {
    let opening = Message(role: .user, content: textPrompt)
    if chosen.first?.role == .assistant, rejected.first?.role == .assistant {
      try self.init(chosen: [opening] + chosen, rejected: [opening] + rejected)
      return
    }
    try self.init(chosen: chosen, rejected: rejected)
    let isFirst = chosen.first { $0.role == .user } == opening
    guard isFirst || ExactText(textPrompt) == ExactText(prompt) else {
      throw Failure(
        "prompt is not what chosen and rejected begin with; make it equal to their first message of the user, or remove it"
      )
    }
  }
}

private func differentPrompts(chosen: [UInt8], rejected: [UInt8], marker: [UInt8]) throws -> Failure {
  for (key, transcript) in [("chosen", chosen), ("rejected", rejected)]
  where lastOccurrence(of: marker, in: transcript[...]) == nil {
    return Failure(
      "\(key) has no \"\\n\\nAssistant:\", and there is no prompt; write the key prompt, or whole transcripts")
  }
  return Failure(
    "the prompts of chosen and rejected differ: the transcripts part before the first \"\\n\\nAssistant:\"; make all turns "
      + "before the response equal")
}

/// The offset of the last occurrence of a byte pattern.
private func lastOccurrence(of pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
  guard bytes.count >= pattern.count else { return nil }
  for start in stride(from: bytes.endIndex - pattern.count, through: bytes.startIndex, by: -1)
  where bytes[start] == pattern[0] && bytes[start...].starts(with: pattern) {
    return start
  }
  return nil
}
