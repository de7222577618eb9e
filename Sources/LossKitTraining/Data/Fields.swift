import LossKit
import LossKitJSON

/// The keys and values of one row. The functions that read them throw a `Failure` that names the key, the problem and the remedy.
struct Fields {
  /// A text, plain or as a conversation.
  enum Text {
    case plain(String)
    case messages([Message])
  }

  /// The members that are not null: a table exported to JSON has null for a missing value.
  let members: JSONObject

  init(_ members: JSONObject) { self.members = members.filter { $0.value != .null } }

  func has(_ key: String) -> Bool { members[key] != nil }

  /// The text under a key: a string, a list of messages, or one message.
  func text(_ key: String) throws -> Text { try text(try value(key), key) }

  /// The prompt, under `prompt` or as ShareGPT's `conversations`, or nil.
  func prompt() throws -> Text? {
    guard has("conversations") else { return has("prompt") ? try text("prompt") : nil }
    guard !has("prompt") else { throw Failure("prompt and conversations name the same text; write one of them") }
    return try text("conversations")
  }

  /// The prompt of a row that requires one.
  func requiredPrompt() throws -> Text {
    guard let prompt = try prompt() else { throw lacking("but not prompt") }
    return prompt
  }

  /// The label of unpaired feedback: a Boolean, or 1 and 0.
  func label() throws -> Bool {
    switch try value("label") {
    case .bool(let label): return label
    case .number(0): return false
    case .number(1): return true
    case .number(let number): throw Failure("label is \(number.double); write true or false")
    case let other: throw Failure("label is \(other.kindName); write true or false")
    }
  }

  /// The responses of a ranking: two or more, none empty, all texts or all messages.
  func responses() throws -> [Text] {
    guard case .array(let values) = try value("responses") else {
      throw Failure("responses is \(try value("responses").kindName); write a list of responses")
    }
    guard values.count >= 2 else {
      throw Failure("responses has \(counted(values.count, "element")); a ranking needs two or more, remove the row")
    }
    return try values.enumerated().map { index, value in
      let name = "response \(index + 1)"
      let text = try text(value, name)
      if case .plain(let text) = text, isBlank(text) { throw Failure("\(name) is empty; remove it and its score") }
      return text
    }
  }

  /// The scores of a ranking, or nil.
  func scores(count: Int) throws -> [Double]? {
    guard has("scores") else { return nil }
    guard case .array(let values) = try value("scores") else {
      throw Failure("scores is \(try value("scores").kindName); write a list of numbers")
    }
    guard values.count == count else {
      throw Failure("there are \(count) responses but \(counted(values.count, "score")); give each response one")
    }
    return try values.enumerated().map { index, value in
      guard let score = value.double else {
        throw Failure("score \(index + 1) is \(value.kindName); write a number")
      }
      return score
    }
  }

  /// The tools that the model may call, as a JSON array; empty if there are none.
  func tools() throws -> String {
    guard let value = members["tools"] else { return "" }
    guard case .array(let tools) = value else {
      throw Failure("tools is \(value.kindName); write a list of descriptions of functions")
    }
    return tools.isEmpty ? "" : value.dense
  }

  /// The members that are not part of the row's form.
  func further(without keys: [String]) -> JSONObject { members.filter { !keys.contains($0.key) } }

  /// A failure that names what is missing, what the row has, and the possible forms.
  func lacking(_ problem: String) -> Failure {
    let keys = members.keys.sorted()
    let found = keys.isEmpty ? "no keys" : "the keys \(keys.joined(separator: ", "))"
    return Failure(
      "has \(found), \(problem); a row needs prompt, chosen and rejected; or chosen and rejected that begin with the prompt; "
        + "or prompt, responses and perhaps scores; or prompt, completion and label")
  }

  private func value(_ key: String) throws -> JSONValue {
    guard let value = members[key] else { throw lacking("but not \(key)") }
    return value
  }

  private func text(_ value: JSONValue, _ name: String) throws -> Text {
    switch value {
    case .string(let text): .plain(text)
    case .array(let values): .messages(try Message.list(values, key: name))
    case .object(let members) where members["role"] != nil || members["from"] != nil:
      .messages([try Message(value, place: name)])
    default: throw Failure("\(name) is \(value.kindName); write a string or a list of messages")
    }
  }
}
