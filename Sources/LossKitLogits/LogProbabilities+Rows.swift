extension LogProbabilities {
  /// Creates scores with no row scored yet, to be filled with `copy`.
  package init(unscored labels: TokenLabels, adding extras: Extras, hasReference: Bool) {
    self.init(
      labels: labels, extras: extras, hasReference: hasReference, level: 0, rowNumbers: nil,
      results: Array(repeating: 0, count: Self.columnCount * labels.values.count))
  }

  /// Identifies scores, distinguishing even scores with equal numbers.
  package final class Identity: Sendable {}

  /// Assigns an identity, which copies of the scores share.
  package mutating func identify() -> Identity {
    let identity = Identity()
    self.identity = identity
    return identity
  }

  /// Whether these scores, or the scores they were copied from, were given that identity.
  package func isIdentified(by identity: Identity) -> Bool { self.identity === identity }

  /// Copies the scores of some rows, in order.
  package mutating func copy(_ part: LogProbabilities, to rows: ArraySlice<Int>) {
    let count = labels.values.count, partCount = part.labels.values.count
    for column in 0..<Self.columnCount {
      for (index, row) in rows.enumerated() {
        results[column * count + row] = part.results[column * partCount + index]
      }
    }
  }

  /// The scores of some rows alone. Errors use the row numbers of these scores.
  package func selecting(_ rows: ArraySlice<Int>) throws -> LogProbabilities {
    let count = labels.values.count
    let labels = try TokenLabels(rows.map { self.labels.values[$0] }, mask: rows.map(self.labels.counts))
    return LogProbabilities(
      labels: labels, extras: extras, hasReference: hasReference, level: level, rowNumbers: Array(rows),
      results: (0..<Self.columnCount).flatMap { column in rows.map { results[column * count + $0] } })
  }
}

extension LogProbabilityCotangent {
  /// The gradient for some rows alone.
  package func selecting(_ rows: ArraySlice<Int>) -> LogProbabilityCotangent {
    func part(_ column: [Double]) -> [Double] { column.isEmpty ? [] : rows.map { column[$0] } }
    return LogProbabilityCotangent(
      part(values), entropies: part(entropies), logCollisions: part(logCollisions), divergences: part(divergences))
  }
}
