import LossKitLogits
import Testing

/// The kernels of every level, compared with the plain version.
struct AgreementTests {
  /// Near the lengths of vectors, groups of vectors and chunks.
  static let sizes = [1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 63, 64, 65, 100, 257, 2047, 2048, 2049, 2113, 5000]

  @Test(arguments: LogitType.allCases, levels) func everySize(type: LogitType, level: Int32) throws {
    var samples = LogitSamples(seed: 1)
    for size in Self.sizes {
      let rows = samples.rows(3, columns: size, scale: 8), reference = samples.rows(3, columns: size, scale: 8)
      try agree(
        rows, as: type, TokenLabels(samples.labels(3, below: size)), samples.cotangent(3), reference: reference,
        referenceType: size % 2 == 0 ? .float32 : type, level: level, shift: size % 3)
      // Without what needs the general loops.
      try agree(
        rows, as: type, TokenLabels(samples.labels(3, below: size)), LogProbabilityCotangent(samples.row(3, scale: 1)),
        level: level, shift: size % 2)
    }
  }

  @Test(arguments: [1.0, 30, 1e4], levels) func everyScale(scale: Double, level: Int32) throws {
    var samples = LogitSamples(seed: 2)
    let rows = samples.rows(12, columns: 777, scale: scale)
    // A policy close to its reference: the divergence is a small difference.
    let near = rows.map { $0.map { $0 + samples.symmetric(0.01) } }
    try agree(
      rows, TokenLabels(samples.labels(12, below: 777)), samples.cotangent(12), reference: near, level: level)
  }

  @Test(arguments: LogitType.allCases, levels) func adversarialInput(type: LogitType, level: Int32) throws {
    var samples = LogitSamples(seed: 3)
    for size in [1, 2, 16, 100, 2048, 4500] {
      // The largest is in the range of every type.
      let rows = adversarialRows(columns: size).filter { $0.contains { $0 > -.infinity } }
      let labels = try TokenLabels(samples.labels(rows.count, below: size))
      try agree(rows, as: type, labels, samples.cotangent(rows.count, divergences: false), level: level)
      try agree(
        rows, as: type, labels, samples.cotangent(rows.count),
        reference: samples.rows(rows.count, columns: size, scale: 5),
        level: level)
    }
  }

  @Test(arguments: levels) func largestVocabulary(level: Int32) throws {
    var samples = LogitSamples(seed: 4)
    let size = 262_144
    let rows = [samples.row(size, scale: 12), Array(repeating: 3, count: size)]
    try agree(
      rows, TokenLabels([Int32(size - 1), 0]), samples.cotangent(2), reference: [rows[1], rows[0]], level: level)
  }

  /// For a label with π near 1, 1 − π keeps its digits.
  @Test(arguments: levels) func nearlySureLabel(level: Int32) throws {
    let logits = StoredLogits([[25, 0, 0], [0, 40, 0]])
    let labels = try TokenLabels([0, 1])
    let fast = try LogProbabilities(of: logits.matrix, labels: labels, level: level)
    let plain = PlainLogProbabilities(of: logits.values, labels: labels)
    let cotangent = LogProbabilityCotangent([1, 1])
    let expected = plain.gradient(from: cotangent)
    try fast.writeGradient(of: logits.matrix, from: cotangent)
    for row in 0..<2 {
      let label = Int(labels.values[row])
      #expect(abs(logits[row, label] - expected[row][label]) <= 0.02 * expected[row][label])
    }
  }

  @Test(arguments: levels) func distributionsThatAreEqualDoNotDiverge(level: Int32) throws {
    var samples = LogitSamples(seed: 5)
    let logits = StoredLogits(samples.rows(4, columns: 3000, scale: 10))
    let result = try LogProbabilities(
      of: logits.matrix, labels: TokenLabels(samples.labels(4, below: 3000)), reference: logits.matrix, level: level)
    #expect(result.divergences == [0, 0, 0, 0])
  }

  @Test(arguments: levels) func whatIsRuledOutIsInfinitelyFar(level: Int32) throws {
    let logits = StoredLogits([[1, -.infinity, 0], [1, -.infinity, 0]])
    let reference = StoredLogits([[0, 0, 0], [0, -.infinity, 0]])
    let result = try LogProbabilities(
      of: logits.matrix, labels: TokenLabels([1, 0]), reference: reference.matrix, level: level)
    #expect(result.values[0] == -.infinity)
    #expect(result.divergences[0] == .infinity)
    #expect(result.divergences[1].isFinite)
  }
}
