import LossKit

extension PreferenceDataset {
  /// Reads preference data from a file of JSON Lines, from standard input where the path is `-`.
  ///
  /// Each row is one of the forms of TRL, the same one in the whole file:
  /// - `prompt`, `chosen`, `rejected`, each a string, or each a list of messages `{"role", "content"}`;
  /// - `chosen`, `rejected`, each a whole transcript, as text or as a list of messages: the prompt is what both share up to
  ///   the last assistant's turn, which in text begins with `\n\nAssistant:`;
  /// - `prompt`, `responses`, a list of strings, best first, or in any order beside `scores`, higher is better;
  /// - `prompt`, `completion`, `label`: unpaired feedback.
  ///
  /// A further key with a number for each response, a list beside several, becomes the column of that name, such as
  /// `win_probability`; other keys are passed over. Messages become text as `\n\nSystem: …`, `\n\nHuman: …` and `\n\nAssistant: …`, and the
  /// prompt ends with `\n\nAssistant:`. Rows whose responses are all equal are left out and stand in the report. Throws a
  /// `Failure` that names the file, the lines, the problems and the remedies.
  public static func read(path: String) throws -> PreferenceDataset {
    try read(bytes(ofFile: path), name: displayName(ofFile: path))
  }

  /// Reads preference data from the content of a file of JSON Lines; `name` is what messages call it.
  public static func read(_ content: [UInt8], name: String) throws -> PreferenceDataset {
    var problems = Problems(in: name)
    let lines = JSONLines.lines(in: content, problems: &problems)
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
              + "put each form into a file of its own")
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
    var seen: Set<[String]> = []
    for row in rows {
      let example = row.example.withoutDuplicateResponses
      guard example.label != nil || example.responses.count > 1 else {
        report.identical.append(example.line)
        continue
      }
      if example.responses.count < row.example.responses.count { report.duplicateResponses.append(example.line) }
      if let scores = example.scores, Set(scores).count == 1 { report.tied.append(example.line) }
      if row.hasFurtherTurn { report.furtherTurns.append(example.line) }
      if !seen.insert([example.prompt] + example.responses).inserted { report.repeated.append(example.line) }
      examples.append(example)
    }
    report.kept = examples.count
    self.init(examples: examples, source: source, report: report)
  }
}

extension PreferenceExample {
  /// The example with each text once, where it stands best.
  fileprivate var withoutDuplicateResponses: PreferenceExample {
    var seen: Set<String> = []
    let kept = responses.indices.filter { seen.insert(responses[$0]).inserted }
    var example = self
    example.responses = kept.map { responses[$0] }
    example.scores = scores.map { scores in kept.map { scores[$0] } }
    example.columns = columns.mapValues { values in kept.map { values[$0] } }
    return example
  }
}
