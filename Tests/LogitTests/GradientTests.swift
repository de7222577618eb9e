import Foundation
import LossKitLogits
import Testing

struct LogitGradientTests {
  /// The plain version's gradient is the derivative of its values.
  @Test func plainGradientIsTheDerivative() throws {
    var samples = LogitSamples(seed: 6)
    let rows = samples.rows(3, columns: 7, scale: 2), reference = samples.rows(3, columns: 7, scale: 2)
    let labels = try TokenLabels([0, 3, 6], mask: [true, true, false])
    let cotangent = samples.cotangent(3)
    func loss(_ logits: [[Double]]) -> Double {
      let result = PlainLogProbabilities(of: logits, labels: labels, reference: reference)
      return [
        (cotangent.values, result.values), (cotangent.entropies, result.entropies),
        (cotangent.logCollisions, result.logCollisions), (cotangent.divergences, result.divergences),
      ].map { zip($0, $1).map(*).reduce(0, +) }.reduce(0, +)
    }
    let gradient = PlainLogProbabilities(of: rows, labels: labels, reference: reference).gradient(from: cotangent)
    for row in rows.indices {
      for token in rows[row].indices {
        var above = rows, below = rows
        above[row][token] += 1e-5
        below[row][token] -= 1e-5
        #expect(abs((loss(above) - loss(below)) / 2e-5 - gradient[row][token]) < 1e-9)
      }
    }
  }

  /// The softmax is invariant to a shift of all logits, so a row's gradient sums to 0.
  @Test(arguments: levels) func rowsSumToZero(level: Int32) throws {
    var samples = LogitSamples(seed: 7)
    let rows = samples.rows(6, columns: 32_000, scale: 10) + adversarialRows(columns: 32_000)
    let labels = try TokenLabels(samples.labels(rows.count, below: 32_000))
    let reference = StoredLogits(samples.rows(rows.count, columns: 32_000, scale: 10))
    for cotangent in [LogProbabilityCotangent(rows.map { _ in 1 }), samples.cotangent(rows.count)] {
      let logits = StoredLogits(rows)
      let result = try LogProbabilities(
        of: logits.matrix, labels: labels, adding: [.entropy, .logCollision], reference: reference.matrix, level: level)
      try result.writeGradient(of: logits.matrix, from: cotangent, reference: reference.matrix)
      for row in logits.values { #expect(abs(row.reduce(0, +)) < 5e-6) }
    }
  }

  /// In place or not, at any address, with any number of threads, alone or with other rows: the same bits.
  @Test(arguments: LogitType.allCases) func bitsDependOnTheRowAlone(type: LogitType) throws {
    var samples = LogitSamples(seed: 8)
    let columns = 9001
    let rows = samples.rows(64, columns: columns, scale: 10)
    let labels = samples.labels(64, below: columns), cotangent = samples.cotangent(64, divergences: false)
    func run(_ range: Range<Int>, threads: Int, shift: Int, elsewhere: Bool) throws -> ([[Double]], [[Double]]) {
      let logits = StoredLogits(Array(rows[range]), as: type, shift: shift)
      let target = StoredLogits(Array(rows[range]), as: type, gap: 5, shift: shift + 1)
      let result = try LogProbabilities(
        of: logits.matrix, labels: TokenLabels(Array(labels[range])), adding: [.entropy, .logCollision],
        threads: threads)
      try result.writeGradient(
        of: logits.matrix,
        from: LogProbabilityCotangent(
          Array(cotangent.values[range]), entropies: Array(cotangent.entropies[range]),
          logCollisions: Array(cotangent.logCollisions[range])),
        into: elsewhere ? target.matrix : nil, threads: threads)
      #expect(target.gapsAreUntouched)
      return ([result.values, result.entropies, result.logCollisions], elsewhere ? target.values : logits.values)
    }
    let expected = try run(0..<64, threads: 1, shift: 0, elsewhere: false)
    for threads in [2, 3, 7, 64] {
      let found = try run(0..<64, threads: threads, shift: threads % 5, elsewhere: threads % 2 == 0)
      #expect(found.0 == expected.0)
      #expect(found.1 == expected.1)
    }
    let alone = try run(17..<18, threads: 1, shift: 3, elsewhere: true)
    #expect(alone.0 == expected.0.map { [$0[17]] })
    #expect(alone.1 == [expected.1[17]])
  }

  @Test func rowsThatDoNotCountAreNotRead() throws {
    let logits = StoredLogits([[1, 2], [.nan, .infinity], [3, 4]])
    let labels = TokenLabels(ignoringNegative: [1, -100, 0])
    let result = try LogProbabilities(of: logits.matrix, labels: labels, adding: [.entropy])
    #expect(result.values[1] == 0)
    #expect(result.entropies[1] == 0)
    try result.writeGradient(of: logits.matrix, from: LogProbabilityCotangent([1, .nan, 1]))
    #expect(logits.values[1] == [0, 0])
    #expect(logits.values[0][1] > 0)
  }

  @Test func noRows() throws {
    let logits = StoredLogits([[1, 2]])
    let none = LogitMatrix(logits.matrix.start, tokenCount: 0, vocabularySize: 2)
    let result = try LogProbabilities(of: none, labels: TokenLabels([]))
    try result.writeGradient(of: none, from: LogProbabilityCotangent())
    #expect(result.values.isEmpty)
    #expect(logits.values == [[1, 2]])
  }

  /// A loss of whole sequences, evaluated in one call.
  @Test func evaluatesALossOfSequences() throws {
    var samples = LogitSamples(seed: 9)
    let rows = samples.rows(6, columns: 50, scale: 3), labels = try TokenLabels(samples.labels(6, below: 50))
    let offsets = [0, 2, 2, 6]
    let logits = StoredLogits(rows)
    let result = try LogProbabilities.evaluate(logits.matrix, labels: labels) { scored in
      let sums = try scored.sums(offsets: offsets)
      return try LogProbabilityCotangent(sequences: sums.map { 2 * $0 }, offsets: offsets)
    }
    let sums = try result.sums(offsets: offsets)
    #expect(sums[1] == 0)
    let plain = PlainLogProbabilities(of: StoredLogits(rows).values, labels: labels)
    let expected = plain.gradient(
      from: LogProbabilityCotangent([0, 0, 2, 2, 2, 2].map { 2 * sums[$0] }))
    for (found, expected) in zip(logits.values.flatMap { $0 }, expected.flatMap { $0 }) {
      #expect(abs(found - expected) < 1e-5)
    }
  }
}
