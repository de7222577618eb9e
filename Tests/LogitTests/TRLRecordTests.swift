import LossKitLogits
import Testing

/// The plain version compared with TRL's numbers, to 1e-10, and the kernels with the plain version.
struct TRLRecordTests {
  /// Log-probabilities, entropies and their gradients, with temperatures and row masks.
  @Test func selectiveLogSoftmax() throws {
    let set = try Records.read().selective
    #expect(set.results.count == 45)
    for record in set.results {
      let inputs = try #require(set.inputs[record.name])
      let temperature = try #require(record.hyper["temperature"]?.number)
      let isMasked = record.hyper["use_row_mask"] == .boolean(true)
      let logits = try #require(inputs["logits"]).rows.map { $0.map { $0 / temperature } }
      let index = try #require(inputs["index"]), logps = try #require(record.tensors["logps"])
      let slopes = try #require(inputs["cotangent_logps"])
      let mask = isMasked ? try #require(inputs["row_mask"]).values.map { $0 != 0 } : nil
      // Several labels per row are scored in turn, and their gradients add up.
      let labelCount = index.values.count / logits.count
      var gradient = logits.map { $0.map { _ in 0.0 } }
      for label in 0..<labelCount {
        func column(_ tensor: Tensor) -> [Double] { logits.indices.map { tensor.values[$0 * labelCount + label] } }
        let labels = try TokenLabels(column(index).map { Int32($0) }, mask: mask)
        let plain = PlainLogProbabilities(of: logits, labels: labels)
        expectEqual(plain.values, column(logps), "\(record.name) \(record.hyper)")
        let part = plain.gradient(from: LogProbabilityCotangent(column(slopes)))
        gradient = zip(gradient, part).map { zip($0, $1).map(+) }
        try expectKernelsAgree(logits, labels, LogProbabilityCotangent(column(slopes)))
      }
      expectEqual(
        gradient.flatMap { $0 }, try #require(record.tensors["grad_logits_from_logps"]).values.map { $0 * temperature },
        "\(record.name) \(record.hyper)")
      guard let entropy = record.tensors["entropy"] else { continue }
      let labels = try TokenLabels(index.integers, mask: mask)
      let plain = PlainLogProbabilities(of: logits, labels: labels)
      let cotangent = LogProbabilityCotangent(entropies: try #require(inputs["cotangent_entropy"]).values)
      expectEqual(plain.entropies, entropy.values, "\(record.name) entropy")
      expectEqual(
        plain.gradient(from: cotangent).flatMap { $0 },
        try #require(record.tensors["grad_logits_from_entropy"]).values.map { $0 * temperature },
        "\(record.name) entropy")
      try expectKernelsAgree(logits, labels, cotangent)
    }
  }

  /// Sums and means over the scored tokens of sequences.
  @Test func batchLogProbabilities() throws {
    let set = try Records.read().batch
    #expect(set.results.count == 10)
    for record in set.results {
      let inputs = try #require(set.inputs[record.name])
      let logits = try #require(inputs["logits"]), shape = logits.shape
      // The label of a position is the next token; the last position has none.
      var next: [Int32] = []
      for row in try #require(inputs["labels"]).rows { next += row.dropFirst().map { Int32($0) } + [-100] }
      let labels = TokenLabels(ignoringNegative: next)
      let offsets = (0...shape[0]).map { $0 * shape[1] }
      let plain = PlainLogProbabilities(of: logits.rows, labels: labels)
      let scored = next.map { $0 >= 0 ? 1.0 : 0 }
      let counts = (0..<shape[0]).map { scored[offsets[$0]..<offsets[$0 + 1]].reduce(0, +) }
      let divisors = record.hyper["average_log_prob"] == .boolean(true) ? counts : counts.map { _ in 1 }
      let expected = try #require(record.tensors["logps"]).values
      let sums = (0..<shape[0]).map { plain.values[offsets[$0]..<offsets[$0 + 1]].reduce(0, +) }
      expectEqual(zip(sums, divisors).map(/), expected, record.name)

      let slopes = try #require(inputs["cotangent"]).values
      let cotangent = try LogProbabilityCotangent(
        // A mean over no tokens has no gradient.
        sequences: zip(slopes, divisors).map { $1 == 0 ? 0 : $0 / $1 }, offsets: offsets)
      expectEqual(
        plain.gradient(from: cotangent).flatMap { $0 }, try #require(record.tensors["grad_logits"]).values, record.name)
      try expectKernelsAgree(logits.rows, labels, cotangent)

      let stored = StoredLogits(logits.rows)
      let found = try LogProbabilities(of: stored.matrix, labels: labels).sums(offsets: offsets)
      for (found, expected) in zip(found, sums) { #expect(abs(found - expected) <= 3e-6 * max(1, abs(expected))) }
    }
  }

  /// Agreement to 1e-10, relative above 1. Where a record is NaN, from 0 · −∞ or 0 / 0, ours may differ.
  private func expectEqual(_ found: [Double], _ expected: [Double], _ comment: String) {
    #expect(found.count == expected.count)
    for (found, expected) in zip(found, expected) where !expected.isNaN && found != expected {
      #expect(abs(found - expected) <= 1e-10 * max(1, abs(expected)), "\(comment)")
    }
  }

  private func expectKernelsAgree(
    _ logits: [[Double]], _ labels: TokenLabels, _ cotangent: LogProbabilityCotangent
  ) throws {
    for level in levels { try agree(logits, labels, cotangent, level: level) }
  }
}
