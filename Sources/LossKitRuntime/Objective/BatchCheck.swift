public import LossKit

/// Looks at a batch before an objective evaluates it: is all there that is needed, and as long as it has to be?
struct BatchCheck {
  private let objective: Objective
  private let batch: Batch

  init(_ objective: Objective, _ batch: Batch) {
    self.objective = objective
    self.batch = batch
  }

  func run() throws {
    guard batch.prompts >= 0, batch.responses >= 1, batch.references >= 0 else {
      throw Failure("a batch has \(batch.prompts) prompts of \(batch.responses) responses")
    }
    try checkCounts()
    try checkTokens()
    guard !objective.needsReference || batch.references >= objective.referenceCount else {
      throw Failure("the objective compares \(objective.referenceCount) references; the batch has \(batch.references)")
    }
    for column in objective.columns { try check(column) }
    try checkTokenCounts()
  }

  private func checkCounts() throws {
    if let counts = batch.counts, counts.count != batch.prompts {
      throw Failure("the batch has \(batch.prompts) prompts, but counts of responses for \(counts.count)")
    }
    for prompt in 0..<batch.prompts {
      let count = batch.responseCount(ofPrompt: prompt)
      guard count <= batch.responses, objective.responses.contains(count) else {
        let range = objective.responses
        let words =
          range.upperBound == Int.max
          ? "\(range.lowerBound) or more"
          : range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
        throw Failure("prompt \(prompt + 1) has \(count) responses; this objective takes \(words)", prompt: prompt)
      }
      if batch.counts == nil { break }
    }
  }

  private func checkTokens() throws {
    guard let offsets = batch.tokenOffsets else { return }
    guard offsets.count == batch.prompts * batch.responses + 1, offsets[0] == 0,
      zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
    else { throw Failure("the token offsets of a batch ascend from 0, one for each response and one for the end") }
  }

  private func check(_ column: Column) throws {
    guard let values = batch.columns[column.name] else {
      if column.isOptional { return }
      let found = batch.columns.keys.sorted().joined(separator: ", ")
      throw Failure(
        "column '\(column.name)' is needed by \(objective.readers(of: column).joined(separator: " and ")) and not there; "
          + "the batch has \(found.isEmpty ? "no columns" : found)")
    }
    guard column.extent != .token || batch.tokenOffsets != nil else {
      throw Failure("column '\(column.name)' is per token, and the batch has no token offsets")
    }
    let extent =
      switch column.extent {
      case .prompt: batch.prompts
      case .response: batch.prompts * batch.responses
      case .token: batch.tokenOffsets?.last ?? 0
      }
    let count = extent * (column.isPerReference ? batch.references : 1)
    guard values.count == count else {
      throw Failure("column '\(column.name)' has \(values.count) values; the batch calls for \(count)")
    }
    let rule = ColumnRule(column)
    for (index, value) in values.enumerated() where !rule.allows(value) {
      guard let place = place(of: index, in: column) else { continue }
      throw Failure(
        "column '\(column.name)' of \(place.words) is \(roundTripDecimal(value)); expected \(rule.words)",
        prompt: place.prompt)
    }
  }

  /// Throws where a response's count of tokens is another than the offsets say.
  private func checkTokenCounts() throws {
    let column = Column.tokenCount
    guard let offsets = batch.tokenOffsets, let counts = batch.columns[column.name],
      objective.columns.contains(where: { $0.name == column.name })
    else { return }
    for (row, count) in counts.enumerated() {
      let length = offsets[row + 1] - offsets[row]
      guard count != Double(length), let place = place(of: row, in: column) else { continue }
      throw Failure(
        "column '\(column.name)' of \(place.words) is \(roundTripDecimal(count)), and the token offsets give that response "
          + "\(length); they have to agree", prompt: place.prompt)
    }
  }

  /// Where an entry belongs.
  private struct Place {
    let prompt: Int
    /// The rank of the response, where it is one's and not the only one.
    var rank: Int?

    var words: String { "prompt \(prompt + 1)" + (rank.map { ", response \($0 + 1)" } ?? "") }
  }

  /// The prompt and the response that an entry belongs to; nil where it is none's, beyond the responses a prompt has.
  private func place(of index: Int, in column: Column) -> Place? {
    let row: Int
    switch column.extent {
    case .prompt: return Place(prompt: index % batch.prompts)
    case .response: row = index % (batch.prompts * batch.responses)
    case .token:
      let offsets = batch.tokenOffsets ?? []
      let token = index % max(offsets.last ?? 1, 1)
      row = offsets.dropLast().lastIndex { $0 <= token } ?? 0
    }
    let (rank, prompt) = row.quotientAndRemainder(dividingBy: batch.prompts)
    guard rank < batch.responseCount(ofPrompt: prompt) else { return nil }
    return Place(prompt: prompt, rank: batch.responses > 1 ? rank : nil)
  }
}

extension Objective {
  /// Throws what is wrong with a batch, before it is evaluated.
  package func check(_ batch: Batch) throws { try BatchCheck(self, batch).run() }

  /// The names of the parts that read a column.
  public func readers(of column: Column) -> [String] {
    let parts = terms.map(\.loss.component) + (reward.map { [$0.component] } ?? [])
    return parts.filter { part in
      part.inputs.contains { $0.name == column.name || ObjectiveComposition.mismatched + $0.name == column.name }
    }.map(\.name)
  }
}
