public import LossKit
public import LossKitRuntime

extension PreferenceDataset {
  /// Whether the rows are conversations.
  var isConversational: Bool { examples.contains { $0.conversation != nil } }

  /// The data with conversations as the policy's template writes them, and what texts are then. Text rows, and conversations for a policy
  /// without a template, stay as they are. Throws, with the line, for a conversation that the template refuses.
  public func rendered(by policy: PolicyInstance) throws -> (data: PreferenceDataset, form: TextForm) {
    guard isConversational else { return (self, .plain) }
    guard policy.hasChatTemplate else {
      if let example = examples.first(where: { $0.conversation?.needsTemplate == true }) {
        throw Failure(
          "\(source), line \(example.line): has tools or tool messages, and policy \(policy.type.name) has no chat template to "
            + "render them with; remove the row, or train a model that has one")
      }
      return (self, .plain)
    }
    var data = self
    for start in stride(from: 0, to: examples.count, by: Self.examplesAtOnce) {
      try data.render(start..<min(start + Self.examplesAtOnce, examples.count), by: policy)
    }
    return (data, .rendered)
  }

  private static let examplesAtOnce = 256

  /// Renders prompts up to the assistant's turn, and each prompt with its responses; what all texts of an example begin with is its prompt.
  private mutating func render(_ places: Range<Int>, by policy: PolicyInstance) throws {
    let conversations = places.map { examples[$0].conversation?.conversations ?? [] }
    let prompts = try texts(of: conversations.map { Array($0.prefix(1)) }, places, forGeneration: true, by: policy)
    let wholes = try texts(of: conversations.map { Array($0.dropFirst()) }, places, forGeneration: false, by: policy)
    for (index, place) in places.enumerated() {
      guard let prompt = prompts[index].first else { continue }
      let prefix = wholes[index].reduce(prompt, commonBeginning)
      examples[place].prompt = prefix
      examples[place].responses = wholes[index].map { String($0.unicodeScalars.dropFirst(prefix.unicodeScalars.count)) }
      if let rank = examples[place].responses.firstIndex(where: \.isEmpty) {
        throw Failure(
          "\(source), line \(examples[place].line): the chat template gives response \(rank + 1) no text after the prompt; "
            + "remove the row, or choose another template")
      }
    }
  }

  private func texts(
    of conversations: [[Conversation]], _ places: Range<Int>, forGeneration: Bool, by policy: PolicyInstance
  ) throws -> [[String]] {
    let owners = zip(places, conversations).flatMap { place, list in list.map { _ in place } }
    do {
      var texts = try policy.render(conversations.flatMap(\.self), forGeneration: forGeneration)[...]
      return conversations.map { list in
        defer { texts = texts.dropFirst(list.count) }
        return Array(texts.prefix(list.count))
      }
    } catch let failure as Failure {
      guard let index = failure.prompt, owners.indices.contains(index) else { throw failure }
      throw Failure("\(source), line \(examples[owners[index]].line): \(failure.message)")
    }
  }
}

/// The longest common prefix of two texts that ends at a UTF-8 character boundary.
func commonBeginning(_ first: String, _ second: String) -> String {
  if second.utf8.starts(with: first.utf8) { return first }
  let scalars = first.unicodeScalars
  return String(scalars.prefix(zip(scalars, second.unicodeScalars).prefix { $0 == $1 }.count))
}
