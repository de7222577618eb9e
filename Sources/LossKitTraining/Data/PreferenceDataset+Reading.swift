import LossKit
import LossKitJSON

extension PreferenceDataset {
  /// Reads preference data from a file of JSON Lines or a JSON array of rows, optionally compressed with gzip, or from standard input if
  /// the path is `-`.
  ///
  /// All rows of a file have the same form, one of TRL's:
  /// - `prompt`, `chosen`, `rejected`, each a string, or each a list of messages `{"role", "content"}`;
  /// - `chosen`, `rejected`, each a whole transcript, as text or as a list of messages: the prompt is what both share up to the last
  ///   assistant's turn, which in text begins with `\n\nAssistant:`;
  /// - `prompt`, `responses`, a list of strings or of lists of messages, best first, or in any order with `scores`, higher is better,
  ///   those of equal score in the order of the file;
  /// - `prompt`, `completion`, `label`: unpaired feedback.
  ///
  /// Messages may be ShareGPT's `{"from", "value"}`, with the prompt under `conversations`; their content may be a list of text parts.
  /// They become text as `\n\nSystem: …`, `\n\nHuman: …` and `\n\nAssistant: …`, and the prompt ends with
  /// `\n\nAssistant:`. A text prompt with lists of messages is the user's message if the lists begin with the assistant's;
  /// otherwise the lists must begin with it.
  ///
  /// Other keys are kept for objectives that read columns of those names. Rows whose responses are all equal, byte for byte, are left out
  /// and listed in the report. Throws a `Failure` that names the file, the lines, the problems and the remedies.
  public static func read(path: String) throws -> PreferenceDataset {
    try read(JSONLineReader(path: path))
  }

  /// Reads preference data from the content of a JSON Lines file; `name` identifies it in messages.
  public static func read(_ content: [UInt8], name: String) throws -> PreferenceDataset {
    try read(JSONLineReader(content, name: name))
  }

  private static func read(_ lines: JSONLineReader) throws -> PreferenceDataset {
    var problems = Problems(in: lines.name)
    var rows = Rows()
    while let line = try lines.next(&problems) {
      do {
        try rows.add(PreferenceRow(line))
      } catch let failure as Failure {
        problems.add(line: line.number, failure.message)
      }
    }
    try problems.throwIfAny()
    guard rows.report.rows > 0 else {
      throw Failure("\(lines.name): has no rows; give a file with one JSON object on each line")
    }
    let dataset = PreferenceDataset(examples: rows.examples, source: lines.name, report: rows.report)
    guard !dataset.examples.isEmpty else {
      throw Failure("\(lines.name): no row is left to train on: \(dataset.report); give rows whose responses differ")
    }
    return dataset
  }

  /// The rows read so far, and what is to be said of them.
  private struct Rows {
    private(set) var examples: [PreferenceExample] = []
    private(set) var report = DataReport(rows: 0, kept: 0)
    private var first: (form: PreferenceRow.Form, line: Int)?
    private var seen: Set<[ExactText]> = []

    /// Adds a row. Throws if it has another form than the first.
    mutating func add(_ row: PreferenceRow) throws {
      if let first, first.form != row.form {
        throw Failure(
          "the row is in the form \(row.form), but line \(first.line) is in the form \(first.form); "
            + "put each form into a separate file")
      }
      first = first ?? (row.form, row.example.line)
      report.rows += 1
      let example = row.example.withoutDuplicateResponses
      guard example.label != nil || example.responses.count > 1 else {
        report.identical.append(example.line)
        return
      }
      if example.responses.count < row.example.responses.count { report.duplicateResponses.append(example.line) }
      if let scores = example.scores, Set(scores).count < scores.count {
        if Set(scores).count == 1 { report.tied.append(example.line) } else { report.partlyTied.append(example.line) }
      }
      if example.repeatsPrompt { report.repeatedPrompts.append(example.line) }
      if row.hasFurtherTurn { report.furtherTurns.append(example.line) }
      let texts = ([example.prompt] + example.responses).map(ExactText.init)
      if !seen.insert(texts).inserted { report.repeated.append(example.line) }
      examples.append(example)
      report.kept = examples.count
    }
  }
}

extension PreferenceExample {
  /// The example with each text once, at its best rank.
  fileprivate var withoutDuplicateResponses: PreferenceExample {
    var seen: Set<ExactText> = []
    return keeping(responses.indices.filter { seen.insert(ExactText(responses[$0])).inserted })
  }

  /// Whether every response begins by repeating the prompt, which would then be learned too.
  fileprivate var repeatsPrompt: Bool {
    responses.allSatisfy { $0.utf8.count > prompt.utf8.count && $0.utf8.starts(with: prompt.utf8) }
  }

  /// The example with a subset of its responses, given by their indices in `responses`.
  func keeping(_ kept: [Int]) -> PreferenceExample {
    var example = self
    example.responses = kept.map { responses[$0] }
    example.conversation?.responses = kept.compactMap { conversation?.responses[$0] }
    example.scores = scores.map { scores in kept.map { scores[$0] } }
    example.places = kept.map { places[$0] }
    return example
  }
}
