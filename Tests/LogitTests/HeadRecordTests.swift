import Foundation
import LossKitHead
import LossKitLogits
import Testing

/// The plain head against the numbers of TRL's fused head and of Liger's fused losses, to 1e-10, and the fused head
/// against the plain one.
struct HeadRecordTests {
  /// log π, entropy and log Σπ² after a head with bias, temperature and soft cap.
  @Test func trlChunkedLogProbabilities() throws {
    let set = try Records.read().chunked
    #expect(set.results.count == 16)
    var headCount = 0
    for record in set.results {
      let inputs = try #require(set.inputs[record.name])
      let scale = try #require(record.hyper["logit_scale"]?.number) / #require(record.hyper["temperature"]?.number)
      let cap = record.hyper["softcap"]?.number.map { $0 / (record.hyper["temperature"]?.number ?? 1) }
      // A bias is the weight of a constant hidden state of 1.
      let bias = inputs["bias"]?.values
      let hidden = try #require(inputs["hidden"]).rows.map { ($0 + (bias == nil ? [] : [1])).map { $0 * scale } }
      var weight = try #require(inputs["weight"]).rows
      if let bias { weight = zip(weight, bias).map { $0 + [$1] } }
      let labels = try TokenLabels(#require(inputs["targets"]).integers)
      let cotangent = try LogProbabilityCotangent(
        #require(inputs["cotangent_logps"]).values, entropies: #require(inputs["cotangent_entropy"]).values)

      let raw = hidden.map { state in weight.map { zip(state, $0).map(*).reduce(0, +) } }
      let logits = raw.map { row in cap.map { cap in row.map { cap * tanh($0 / cap) } } ?? row }
      let scores = PlainLogProbabilities(of: logits, labels: labels)
      expectEqual(scores.values, try #require(record.tensors["logps"]).values, record.name)
      expectEqual(scores.entropies, try #require(record.tensors["entropy"]).values, record.name)
      expectEqual(scores.logCollisions, try #require(record.tensors["log_sum_sq_probs"]).values, record.name)
      for level in levels { try agree(logits, labels, cotangent, level: level) }

      // The head has no soft cap.
      guard cap == nil else { continue }
      headCount += 1
      let head = PlainLinearHead(hidden: hidden, weight: weight, labels: labels)
      let gradients = head.gradients(from: cotangent)
      let size = try #require(inputs["hidden"]?.shape.last)
      expectEqual(
        gradients.hidden.flatMap { $0.prefix(size).map { $0 * scale } },
        try #require(record.tensors["grad_hidden"]).values, record.name)
      expectEqual(
        gradients.weight.flatMap { $0.prefix(size) }, try #require(record.tensors["grad_weight"]).values, record.name)
      if let expected = record.tensors["grad_bias"] {
        expectEqual(gradients.weight.compactMap(\.last), expected.values, record.name)
      }
      try expectFusedHeadAgrees(hidden, weight, labels, cotangent)
    }
    #expect(headCount == 8)
  }

  /// Losses over a head: their values, and the gradients of hidden states and weights.
  @Test func ligerFusedLosses() throws {
    let set = try Records.read().liger
    #expect(set.results.count == 24)
    for record in set.results {
      let inputs = try #require(set.inputs[record.name])
      let targets = try #require(inputs["target"]), length = try #require(targets.shape.last)
      let labels = TokenLabels(ignoringNegative: targets.integers)
      let hidden = try #require(inputs["hidden"]).rows, weight = try #require(inputs["weight"]).rows
      let policy = PlainLinearHead(hidden: hidden, weight: weight, labels: labels)
      let reference = try PlainLinearHead(
        hidden: #require(inputs["ref_hidden"]).rows, weight: #require(inputs["ref_weight"]).rows, labels: labels)

      let rows = targets.values.count / length
      let counts = (0..<rows).map { row in
        Double(targets.values[row * length..<(row + 1) * length].filter { $0 >= 0 }.count)
      }
      let divisors = record.hyper["average_log_prob"] == .boolean(true) ? counts : counts.map { _ in 1 }
      func sequences(_ head: PlainLinearHead) -> [Double] {
        (0..<rows).map { head.scores.values[$0 * length..<($0 + 1) * length].reduce(0, +) / divisors[$0] }
      }
      let loss = try PairLoss(record.hyper)
      let found = loss.value(
        policy: sequences(policy), reference: sequences(reference), divisors: divisors, counts: counts)
      expectEqual([found.value], try #require(record.tensors["loss"]).values, "\(record.hyper)")
      let chosen = try #require(record.tensors["policy_chosen_logps"]).values
      let rejected = try #require(record.tensors["policy_rejected_logps"]).values
      expectEqual(sequences(policy), chosen + rejected, "\(record.hyper)")
      let offsets = (0...rows).map { $0 * length }
      let cotangent = try LogProbabilityCotangent(
        sequences: zip(found.slopes, divisors).map(/), offsets: offsets)
      let gradients = policy.gradients(from: cotangent)
      expectEqual(
        gradients.hidden.flatMap { $0 }, try #require(record.tensors["grad_hidden"]).values, "\(record.hyper)")
      expectEqual(
        gradients.weight.flatMap { $0 }, try #require(record.tensors["grad_weight"]).values, "\(record.hyper)")
      try expectFusedHeadAgrees(hidden, weight, labels, cotangent)
    }
  }

  private func expectFusedHeadAgrees(
    _ hidden: [[Double]], _ weight: [[Double]], _ labels: TokenLabels, _ cotangent: LogProbabilityCotangent
  ) throws {
    for rows in [1, 3, 100] {
      let sample = HeadSample(hidden: hidden, weight: weight, labels: labels)
      let scores = try sample.run(logitRows: rows) { head, hidden, hiddenGradient, weightGradient in
        try head.evaluate(
          hidden, labels: labels, adding: [.entropy], toHidden: hiddenGradient, toWeight: weightGradient
        ) { _, _ in cotangent }
      }
      sample.expectAgreement(scores, cotangent)
    }
  }

  private func expectEqual(_ found: [Double], _ expected: [Double], _ comment: String) {
    #expect(found.count == expected.count)
    for (found, expected) in zip(found, expected) {
      #expect(abs(found - expected) <= 1e-10 * max(1, abs(expected)), "\(comment)")
    }
  }
}
