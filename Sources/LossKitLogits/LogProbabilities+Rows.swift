extension LogProbabilities {
  /// Scores of no row yet, to be copied in.
  package init(unscored labels: TokenLabels, adding extras: Extras, hasReference: Bool) {
    self.init(
      labels: labels, extras: extras, hasReference: hasReference, level: 0, rowNumbers: nil,
      results: Array(repeating: 0, count: Self.columnCount * labels.values.count))
  }

  /// Tells scores from all others, those of equal numbers included.
  package final class Identity: Sendable {}

  /// Gives the scores an identity that their copies share.
  package mutating func identify() -> Identity {
    let identity = Identity()
    self.identity = identity
    return identity
  }

  /// Whether these are the scores that were given that identity, or a copy of them.
  package func isIdentified(by identity: Identity) -> Bool { self.identity === identity }

  /// Takes over the scores of some rows, in their order.
  package mutating func copy(_ part: LogProbabilities, to rows: ArraySlice<Int>) {
    let count = labels.values.count, partCount = part.labels.values.count
    for column in 0..<Self.columnCount {
      for (index, row) in rows.enumerated() {
        results[column * count + row] = part.results[column * partCount + index]
      }
    }
  }

  /// The scores of some rows alone. Errors name the rows as they are numbered here.
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
