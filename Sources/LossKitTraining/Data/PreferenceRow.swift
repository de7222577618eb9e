import LossKit

/// One row of preference data: what form it has, and the example in it.
struct PreferenceRow {
  /// How a row is written. A file has one form.
  struct Form: Equatable, CustomStringConvertible {
    enum Layout: String {
      case explicit = "prompt, chosen, rejected"
      case implicit = "chosen and rejected as whole transcripts"
      case ranking = "prompt, responses"
      case unpaired = "prompt, completion, label"
    }

    var layout: Layout
    var isConversational: Bool

    var description: String { "\(layout.rawValue) as \(isConversational ? "message lists" : "text")" }
  }

  var form: Form
  var example: PreferenceExample
  var hasFurtherTurn = false

  /// Reads a row; throws a `Failure` that names the key, the problem and the remedy.
  init(_ line: JSONLines.Line) throws {
    guard case .object(let members) = line.value else {
      throw Failure("this is \(line.value.kindName); write one JSON object on each line")
    }
    // A table exported to JSON has null where a row lacks the column.
    let fields = Fields(members: members.filter { $0.value != .null })
    if fields.has("responses") {
      self = try Self.ranking(fields, line: line.number)
    } else if fields.has("chosen") || fields.has("rejected") {
      self = try Self.pair(fields, line: line.number)
    } else if fields.has("completion") || fields.has("label") {
      self = try Self.unpaired(fields, line: line.number)
    } else {
      throw fields.lacking("neither chosen and rejected, nor responses, nor completion and label")
    }
    try checkIsNotBlank()
  }

  private init(_ layout: Form.Layout, conversational: Bool, _ example: PreferenceExample, furtherTurn: Bool = false) {
    form = Form(layout: layout, isConversational: conversational)
    self.example = example
    hasFurtherTurn = furtherTurn
  }

  private func checkIsNotBlank() throws {
    let spoken = Role.allCases.reduce(example.prompt) { $0.replacing($1.marker, with: "") }
    guard !isBlank(spoken) else { throw Failure("the prompt is empty; write it, or remove the row") }
    for (index, response) in example.responses.enumerated() where isBlank(response) {
      let isPair = form.layout == .explicit || form.layout == .implicit
      let name = isPair ? ["chosen", "rejected"][index] : "completion"
      throw Failure("\(name) is empty; write the response, or remove the row")
    }
  }
}

// MARK: - Layouts

extension PreferenceRow {
  private static func pair(_ fields: Fields, line: Int) throws -> PreferenceRow {
    let (chosen, rejected) = (try fields.text("chosen"), try fields.text("rejected"))
    let prompt = fields.has("prompt") ? try fields.text("prompt") : nil
    switch (prompt, chosen, rejected) {
    case (.plain(let prompt), .plain(let chosen), .plain(let rejected)):
      return PreferenceRow(
        .explicit, conversational: false,
        PreferenceExample(
          prompt: prompt, responses: [chosen, rejected], columns: fields.columns(count: 2), line: line))
    case (.messages(let prompt), .messages(let chosen), .messages(let rejected)):
      let responses = [
        try renderedResponse(chosen, key: "chosen"), try renderedResponse(rejected, key: "rejected"),
      ]
      return PreferenceRow(
        .explicit, conversational: true,
        PreferenceExample(
          prompt: renderedPrompt(prompt), responses: responses, columns: fields.columns(count: 2), line: line))
    case (nil, .plain(let chosen), .plain(let rejected)):
      return implicit(try SharedPrompt(chosen: chosen, rejected: rejected), fields, conversational: false, line: line)
    // Beside whole transcripts a prompt as text only repeats what they begin with; TRL passes over it too.
    case (nil, .messages(let chosen), .messages(let rejected)),
      (.plain, .messages(let chosen), .messages(let rejected)):
      return implicit(try SharedPrompt(chosen: chosen, rejected: rejected), fields, conversational: true, line: line)
    default:
      throw Failure("prompt, chosen and rejected are not all text or all message lists; write them in one way")
    }
  }

  private static func implicit(
    _ split: SharedPrompt, _ fields: Fields, conversational: Bool, line: Int
  ) -> PreferenceRow {
    PreferenceRow(
      .implicit, conversational: conversational,
      PreferenceExample(
        prompt: split.prompt, responses: [split.chosen, split.rejected], columns: fields.columns(count: 2), line: line),
      furtherTurn: split.hasFurtherTurn)
  }

  private static func unpaired(_ fields: Fields, line: Int) throws -> PreferenceRow {
    let label = try fields.label()
    switch (try fields.text("prompt"), try fields.text("completion")) {
    case (.plain(let prompt), .plain(let completion)):
      return PreferenceRow(
        .unpaired, conversational: false,
        PreferenceExample(
          prompt: prompt, responses: [completion], label: label, columns: fields.columns(count: 1), line: line))
    case (.messages(let prompt), .messages(let completion)):
      let response = try renderedResponse(completion, key: "completion")
      return PreferenceRow(
        .unpaired, conversational: true,
        PreferenceExample(
          prompt: renderedPrompt(prompt), responses: [response], label: label, columns: fields.columns(count: 1),
          line: line))
    default:
      throw Failure("prompt and completion are not both text or both message lists; write them in one way")
    }
  }

  private static func ranking(_ fields: Fields, line: Int) throws -> PreferenceRow {
    guard case .plain(let prompt) = try fields.text("prompt") else {
      throw Failure("prompt is a list, but responses are read as text; write the prompt as a string")
    }
    let responses = try fields.responses()
    let scores = try fields.scores(count: responses.count)
    // Best first; equal scores keep the order of the file.
    let order = responses.indices.sorted { first, second in
      guard let scores, scores[first] != scores[second] else { return first < second }
      return scores[first] > scores[second]
    }
    let example = PreferenceExample(
      prompt: prompt, responses: order.map { responses[$0] }, scores: scores.map { scores in order.map { scores[$0] } },
      columns: fields.columns(count: responses.count).mapValues { values in order.map { values[$0] } }, line: line)
    return PreferenceRow(.ranking, conversational: false, example)
  }
}

/// Whether there is nothing to read in a text. HH writes an empty response as one space.
func isBlank(_ text: String) -> Bool {
  text.allSatisfy(\.isWhitespace)
}
