import LossKit
import LossKitJSON

/// One row of preference data: its form and its example.
struct PreferenceRow {
  /// The form of a row; all rows of a file have the same.
  struct Form: Equatable, CustomStringConvertible {
    enum Layout: String {
      case explicit = "prompt, chosen, rejected"
      case implicit = "chosen and rejected as whole transcripts"
      case ranking = "prompt, responses"
      case scoredRanking = "prompt, responses, scores"
      case unpaired = "prompt, completion, label"
    }

    var layout: Layout
    var isConversational: Bool

    var description: String { "\(layout.rawValue) as \(isConversational ? "message lists" : "text")" }
  }

  var form: Form
  var example: PreferenceExample
  var hasFurtherTurn = false

  /// Reads a row. Throws a `Failure` that names the key, the problem and the remedy.
  init(_ line: JSONLines.Line) throws {
    guard case .object(let members) = line.value else {
      throw Failure("this is \(line.value.kindName); write one JSON object on each line")
    }
    let fields = Fields(members)
    let isPair = fields.has("chosen") || fields.has("rejected")
    let isUnpaired = fields.has("completion") && fields.has("label")
    guard !isPair || !fields.has("responses"), !isUnpaired || !isPair && !fields.has("responses") else {
      throw Failure(
        "has the keys of two forms, \(fields.members.keys.filter(Self.keysOfForms.contains).joined(separator: ", ")); "
          + "keep those of one")
    }
    if fields.has("responses") {
      self = try Self.ranking(fields, line: line.number)
    } else if isPair {
      self = try Self.pair(fields, line: line.number)
    } else if fields.has("completion") || fields.has("label") {
      self = try Self.unpaired(fields, line: line.number)
    } else {
      throw fields.lacking("neither chosen and rejected, nor responses, nor completion and label")
    }
    try checkIsNotBlank()
  }

  init(_ layout: Form.Layout, isConversational: Bool, _ example: PreferenceExample, hasFurtherTurn: Bool = false) {
    form = Form(layout: layout, isConversational: isConversational)
    self.example = example
    self.hasFurtherTurn = hasFurtherTurn
  }

  private static let keysOfForms = ["chosen", "rejected", "responses", "completion", "label"]

  private func checkIsNotBlank() throws {
    let spoken = Role.allCases.reduce(example.prompt) { $0.replacing($1.marker, with: "") }
    guard !isBlank(spoken) else { throw Failure("the prompt is empty; write it, or remove the row") }
    func hasCalls(_ index: Int) -> Bool {
      example.conversation?.responses[index].contains(where: \.needsTemplate) == true
    }
    for (index, response) in example.responses.enumerated() where isBlank(response) && !hasCalls(index) {
      let name =
        switch form.layout {
        case .explicit, .implicit: ["chosen", "rejected"][index]
        case .ranking, .scoredRanking: "response \(example.places[index] + 1)"
        case .unpaired: "completion"
        }
      throw Failure("\(name) is empty; write the response, or remove the row")
    }
  }
}

/// Whether a text is blank. HH writes an empty response as one space.
func isBlank(_ text: String) -> Bool {
  text.allSatisfy(\.isWhitespace)
}
