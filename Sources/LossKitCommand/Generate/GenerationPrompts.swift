import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

/// The prompts of a file.
struct GenerationPrompts {
  /// A prompt and its place.
  struct Row {
    let line: Int
    /// The value of "prompt", as given.
    let value: JSONValue
    /// The members that a template reads beside the prompt.
    let tools: JSONValue?
  }

  /// Consecutive prompts of one form.
  struct Batch {
    /// The index of the first.
    let first: Int
    let form: TextForm
    let texts: [String]
  }

  /// The name of the file in messages.
  let name: String
  private(set) var rows: [Row] = []

  /// Reads a file. Throws, naming the lines, for rows without a prompt.
  init(path: String) throws {
    let reader = try JSONLineReader(path: path)
    name = reader.name
    var problems = Problems(in: name)
    while let line = try reader.next(&problems) {
      let members = line.value.object
      guard let prompt = members?["prompt"], prompt.string != nil || prompt.array != nil else {
        problems.add(
          line: line.number, "has no \"prompt\"; write an object with this key and a text or a list of messages")
        continue
      }
      rows.append(Row(line: line.number, value: prompt, tools: members?["tools"].flatMap { $0 == .null ? nil : $0 }))
    }
    try problems.throwIfAny()
    if rows.isEmpty { throw Failure("\(name): no prompt") }
  }

  /// The texts that a model continues: plain ones, and conversations as its template renders them. Throws, naming the line, for a
  /// conversation without a template, or that the template refuses.
  func batches(for model: PolicyInstance) throws -> [Batch] {
    var batches: [Batch] = [], first = 0
    while first < rows.count {
      let isPlain = rows[first].value.string != nil
      let end = rows[first...].firstIndex { ($0.value.string != nil) != isPlain } ?? rows.count
      let texts = isPlain ? rows[first..<end].compactMap(\.value.string) : try rendered(first..<end, by: model)
      batches.append(Batch(first: first, form: isPlain ? .plain : .rendered, texts: texts))
      first = end
    }
    return batches
  }

  private func rendered(_ range: Range<Int>, by model: PolicyInstance) throws -> [String] {
    guard model.hasChatTemplate else {
      throw failure(
        range.lowerBound, "the prompt is a list of messages, and the model has no chat template; write it as text")
    }
    let conversations = try range.map { index in
      do {
        return try Conversation(prompt: rows[index].value.array ?? [], tools: rows[index].tools?.dense ?? "")
      } catch let failure as Failure {
        throw self.failure(index, failure.message)
      }
    }
    return try locating(range.lowerBound) { try model.render(conversations, forGeneration: true) }
  }

  /// Runs a closure whose failures name a prompt of a batch, and names its line.
  func locating<Value>(_ first: Int, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let failure as Failure {
      guard let prompt = failure.prompt, rows.indices.contains(first + prompt) else { throw failure }
      throw self.failure(first + prompt, failure.message)
    }
  }

  private func failure(_ index: Int, _ message: String) -> Failure {
    Failure("\(name), line \(rows[index].line): \(message)")
  }
}
