import LossKit

/// The keys and values of one row; its reading functions throw a `Failure` that names the key, the problem and the remedy.
struct Fields {
  /// A text, written plainly or as a conversation.
  enum Text {
    case plain(String)
    case messages([Message])
  }

  var members: [String: JSONValue]

  func has(_ key: String) -> Bool { members[key] != nil }

  /// The text under a key.
  func text(_ key: String) throws -> Text {
    switch try value(key) {
    case .string(let text): return .plain(text)
    case .array(let values): return .messages(try Message.list(values, key: key))
    case let other: throw Failure("\(key) is \(other.kindName); write a string or a list of messages")
    }
  }

  /// The label of unpaired feedback: a Boolean, or 1 and 0.
  func label() throws -> Bool {
    switch try value("label") {
    case .bool(let label): return label
    case .number(let number) where number == 0 || number == 1: return number == 1
    case .number(let number): throw Failure("label is \(number); write true or false")
    case let other: throw Failure("label is \(other.kindName); write true or false")
    }
  }

  /// The responses of a ranking, two or more, none of them empty.
  func responses() throws -> [String] {
    guard case .array(let values) = try value("responses") else {
      throw Failure("responses is \(try value("responses").kindName); write a list of strings")
    }
    guard values.count >= 2 else {
      throw Failure("responses has \(counted(values.count, "element")); a ranking needs two or more, remove the row")
    }
    return try values.enumerated().map { index, value in
      guard case .string(let text) = value else {
        throw Failure("response \(index + 1) is \(value.kindName); write a string")
      }
      guard !isBlank(text) else { throw Failure("response \(index + 1) is empty; remove it and its score") }
      return text
    }
  }

  /// The scores of a ranking, if it has them.
  func scores(count: Int) throws -> [Double]? {
    guard has("scores") else { return nil }
    guard case .array(let values) = try value("scores") else {
      throw Failure("scores is \(try value("scores").kindName); write a list of numbers")
    }
    guard values.count == count else {
      throw Failure("there are \(count) responses but \(counted(values.count, "score")); give each response one")
    }
    return try values.enumerated().map { index, value in
      guard case .number(let score) = value else {
        throw Failure("score \(index + 1) is \(value.kindName); write a number")
      }
      return score
    }
  }

  /// The members that give each of `count` responses a number: lists as long, or numbers where there is one response.
  func columns(count: Int) -> [String: [Double]] {
    members.filter { !Self.keysOfForms.contains($0.key) }.compactMapValues { value in
      switch value {
      case .number(let number): return count == 1 ? [number] : nil
      case .array(let values):
        let numbers = values.compactMap { if case .number(let number) = $0 { number } else { nil } }
        return numbers.count == count && values.count == count ? numbers : nil
      default: return nil
      }
    }
  }

  private static let keysOfForms: Set = [
    "prompt", "chosen", "rejected", "responses", "scores", "completion", "label",
  ]

  /// A failure that tells what is missing, what is there and what could be.
  func lacking(_ problem: String) -> Failure {
    let found = members.isEmpty ? "no keys" : "the keys \(members.keys.sorted().joined(separator: ", "))"
    return Failure(
      "has \(found), \(problem); a row needs prompt, chosen and rejected; or chosen and rejected that begin with the prompt; "
        + "or prompt, responses and perhaps scores; or prompt, completion and label")
  }

  private func value(_ key: String) throws -> JSONValue {
    guard let value = members[key] else { throw lacking("but not \(key)") }
    return value
  }
}
