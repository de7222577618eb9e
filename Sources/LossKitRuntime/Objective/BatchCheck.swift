public import LossKit

/// Checks the shape and the columns of a batch before an objective evaluates it.
struct BatchCheck {
  private let objective: Objective
  private let batch: Batch
  private let shape: BatchShape

  init(_ objective: Objective, _ batch: Batch, _ shape: BatchShape) {
    self.objective = objective
    self.batch = batch
    self.shape = shape
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
      let count = shape.responseCount(ofPrompt: prompt)
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
    guard offsets.count == shape.rows + 1, offsets[0] == 0,
      zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
    else { throw Failure("the token offsets of a batch ascend from 0, one for each response and one for the end") }
  }

  private func check(_ column: Column) throws {
    guard let values = batch.columns[column.name] else {
      if column.isOptional { return }
      let found = batch.columns.keys.sorted().joined(separator: ", ")
      throw Failure(
        "column '\(column.name)' is needed by \(objective.readers(of: column).joined(separator: " and ")) and missing; "
          + "the batch has \(found.isEmpty ? "no columns" : found)")
    }
    guard column.extent != .token || batch.tokenOffsets != nil else {
      throw Failure("column '\(column.name)' is per token, and the batch has no token offsets")
    }
    let count = shape.count(of: column)
    guard values.count == count else {
      throw Failure("column '\(column.name)' has \(values.count) values; the batch calls for \(count)")
    }
    let rule = ColumnRule(column)
    for (index, value) in values.enumerated() where !rule.allows(value) {
      let place = shape.place(of: index, per: column.extent)
      guard shape.exists(place) else { continue }
      throw Failure(
        "column '\(column.name)' of \(shape.words(place)) is \(roundTripDecimal(value)); expected \(rule.words)",
        prompt: place.prompt)
    }
  }

  /// Throws for a token count that is not a whole number of at least 0, or differs from that of the offsets, whether or not the objective
  /// reads it.
  private func checkTokenCounts() throws {
    let column = Column.tokenCount
    guard let counts = batch.columns[column.name] else { return }
    if !objective.columns.contains(where: { $0.name == column.name }) { try check(column) }
    guard let offsets = batch.tokenOffsets else { return }
    for (row, count) in counts.enumerated() {
      let length = offsets[row + 1] - offsets[row]
      guard count != Double(length) else { continue }
      let place = shape.place(of: row, per: .response)
      guard shape.exists(place) else { continue }
      throw Failure(
        "column '\(column.name)' of \(shape.words(place)) is \(roundTripDecimal(count)), and the token offsets give that response "
          + "\(length); make them agree", prompt: place.prompt)
    }
  }
}

extension Objective {
  /// Throws if a batch is invalid, without evaluating it.
  package func check(_ batch: Batch) throws { try batch.withShape { try BatchCheck(self, batch, $0).run() } }

  /// The names of the parts that read a column.
  public func readers(of column: Column) -> [String] {
    let parts = terms.map(\.loss.component) + (reward.map { [$0.component] } ?? [])
    return parts.filter { part in
      part.inputs.contains { $0.name == column.name || ObjectiveComposition.mismatched + $0.name == column.name }
    }.map(\.name)
  }
}
