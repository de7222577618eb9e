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
    try read(bytes(ofFile: path), name: displayName(ofFile: path))
  }

  /// Reads preference data from the content of a JSON Lines file; `name` identifies it in messages.
  public static func read(_ content: [UInt8], name: String) throws -> PreferenceDataset {
    var problems = Problems(in: name)
    let lines = try JSONLines.lines(in: content, name: name, problems: &problems)
    let rows = rows(of: lines, problems: &problems)
    try problems.throwIfAny()
    guard !rows.isEmpty else { throw Failure("\(name): has no rows; give a file with one JSON object on each line") }
    let dataset = PreferenceDataset(rows: rows, source: name)
    guard !dataset.examples.isEmpty else {
      throw Failure("\(name): no row is left to train on: \(dataset.report); give rows whose responses differ")
    }
    return dataset
  }

  private static func rows(of lines: [JSONLines.Line], problems: inout Problems) -> [PreferenceRow] {
    var rows: [PreferenceRow] = []
    for line in lines {
      do {
        let row = try PreferenceRow(line)
        if let first = rows.first, first.form != row.form {
          throw Failure(
            "the row is in the form \(row.form), but line \(first.example.line) is in the form \(first.form); "
              + "put each form into a separate file")
        }
        rows.append(row)
      } catch let failure as Failure {
        problems.add(line: line.number, failure.message)
      } catch {
        problems.add(line: line.number, String(describing: error))
      }
    }
    return rows
  }

  private init(rows: [PreferenceRow], source: String) {
    var report = DataReport(rows: rows.count, kept: 0)
    var examples: [PreferenceExample] = []
    var seen: Set<[ExactText]> = []
    for row in rows {
      let example = row.example.withoutDuplicateResponses
      guard example.label != nil || example.responses.count > 1 else {
        report.identical.append(example.line)
        continue
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
    }
    report.kept = examples.count
    self.init(examples: examples, source: source, report: report)
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
    example.scores = scores.map { scores in kept.map { scores[$0] } }
    example.places = kept.map { places[$0] }
    return example
  }
}
