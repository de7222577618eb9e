/// What was read from preference data and what was left out, with warnings about the rest.
public struct DataReport: Sendable, Equatable, CustomStringConvertible {
  /// The number of rows read; blank lines do not count.
  public var rows: Int
  /// The number of examples kept.
  public var kept: Int
  /// What the examples hold.
  public var kind: PreferenceDataset.Kind
  /// Lines left out because all their responses are equal.
  public var identical: [Int] = []
  /// Lines of rankings with a duplicate response, of which the better-ranked one is kept.
  public var duplicateResponses: [Int] = []
  /// Lines of rankings whose responses all have the same score, kept in the order of the file.
  public var tied: [Int] = []
  /// Lines of rankings in which some responses have equal scores; these keep the order of the file.
  public var partlyTied: [Int] = []
  /// Lines, kept, in which every response begins with the prompt.
  public var repeatedPrompts: [Int] = []
  /// Lines, kept, that repeat an earlier line.
  public var repeated: [Int] = []
  /// Lines, kept, whose transcripts diverge before the last turn, so that a response contains another turn.
  public var furtherTurns: [Int] = []

  /// Creates a report without remarks.
  public init(rows: Int, kept: Int, kind: PreferenceDataset.Kind = .pairs) {
    self.rows = rows
    self.kept = kept
    self.kind = kind
  }

  /// The report in one line: `1,070 pairs; 3 left out: chosen equal to rejected (lines 4, 9, 12)`.
  public var description: String {
    let noun = kind == .unpaired ? "response" : kind == .pairs ? "pair" : "ranking"
    let equal = kind == .pairs ? "chosen equal to rejected" : "all responses equal"
    let notes = [
      note(identical, "left out: \(equal)"),
      note(duplicateResponses, "with a response twice, the better-ranked one kept"),
      note(tied, "with one score for all responses, in the order of the file"),
      note(partlyTied, "with equal scores, those responses in the order of the file"),
      note(repeated, "the same as an earlier line, kept"),
      note(furtherTurns, "with a further turn inside a response, kept"),
    ]
    return ([counted(kept, noun)] + notes.compactMap { $0 }).joined(separator: "; ")
  }

  /// The likely problems for training, each with its remedy.
  var warnings: [String] {
    guard !repeatedPrompts.isEmpty else { return [] }
    let text = "whose responses repeat the prompt, which is then learned, too; remove it from them"
    return [lineList(repeatedPrompts, text, noun: "row")]
  }

  private func note(_ lines: [Int], _ text: String) -> String? {
    lines.isEmpty ? nil : lineList(lines, text)
  }
}

/// Describes a number of lines and lists the first of them: "12 left out (lines 1, 3, …)".
func lineList(_ lines: [Int], _ text: String, noun: String? = nil) -> String {
  let most = 10
  let shown = lines.prefix(most).map(String.init).joined(separator: ", ")
  let places = lines.count == 1 ? "line \(shown)" : "lines \(shown)\(lines.count > most ? ", …" : "")"
  return "\(noun.map { counted(lines.count, $0) } ?? grouped(lines.count)) \(text) (\(places))"
}

/// A count with its noun, in the plural unless it is 1.
package func counted(_ count: Int, _ noun: String) -> String {
  "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
}

/// A number with commas between thousands.
func grouped(_ number: Int) -> String {
  let digits = String(number.magnitude)
  var result = number < 0 ? "-" : ""
  for (place, digit) in digits.enumerated() {
    if place > 0, (digits.count - place).isMultiple(of: 3) { result.append(",") }
    result.append(digit)
  }
  return result
}
