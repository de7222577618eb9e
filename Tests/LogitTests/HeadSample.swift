import LossKitHead
import LossKitLogits
import Testing

/// Hidden states and weights in single precision, and the gradients that a head adds to.
final class HeadSample {
  let hidden, weight: [Float]
  let labels: TokenLabels
  let hiddenSize, vocabularySize: Int
  /// Nonzero at the start, because gradients are added.
  var hiddenGradient, weightGradient: [Float]

  init(hidden: [[Double]], weight: [[Double]], labels: TokenLabels) {
    self.hidden = hidden.flatMap { $0.map { Float($0) } }
    self.weight = weight.flatMap { $0.map { Float($0) } }
    self.labels = labels
    hiddenSize = weight.first?.count ?? 0
    vocabularySize = weight.count
    hiddenGradient = Array(repeating: 1, count: self.hidden.count)
    weightGradient = Array(repeating: 2, count: self.weight.count)
  }

  /// The plain version for the rounded numbers.
  var plain: PlainLinearHead { plain(reference: nil) }

  /// The plain version, compared with the distributions of another.
  func plain(reference: HeadSample?) -> PlainLinearHead {
    PlainLinearHead(
      hidden: rows(hidden), weight: rows(weight), labels: labels,
      reference: reference.map { ($0.rows($0.hidden), $0.rows($0.weight)) })
  }

  private func rows(_ values: [Float]) -> [[Double]] {
    stride(from: 0, to: values.count, by: hiddenSize).map { values[$0..<$0 + hiddenSize].map { Double($0) } }
  }

  /// Resets the gradients.
  func clear() {
    hiddenGradient = Array(repeating: 1, count: hidden.count)
    weightGradient = Array(repeating: 2, count: weight.count)
  }

  /// The same numbers rounded to bfloat16.
  func rounded() -> HeadSample {
    func rounded(_ values: [Float]) -> [[Double]] {
      rows(values.map { Float(bitPattern: UInt32(bfloat16($0)) << 16) })
    }
    return HeadSample(hidden: rounded(hidden), weight: rounded(weight), labels: labels)
  }

  /// The weights in bfloat16.
  var roundedWeight: [UInt16] { weight.map(bfloat16) }

  /// The upper half of a float, rounded to nearest, ties to even.
  private func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
  }

  /// The message that a call throws.
  func failure(_ body: (LinearHead, UnsafePointer<Float>) throws -> Void) -> String {
    do {
      try run { head, hidden, _, _ in try body(head, hidden) }
      return "no error"
    } catch { return "\(error)" }
  }

  /// The change of the gradients so far.
  var added: (hidden: [Float], weight: [Float]) { (hiddenGradient.map { $0 - 1 }, weightGradient.map { $0 - 2 }) }

  /// Calls `body` with the head, the hidden states and the gradients, in this order.
  func run<Result>(
    logitRows: Int? = nil, threads: Int = 0,
    _ body: (
      LinearHead, UnsafePointer<Float>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>
    ) throws -> Result
  ) throws -> Result {
    try weight.withUnsafeBufferPointer { weight in
      var head = try LinearHead(
        weight: #require(weight.baseAddress), vocabularySize: vocabularySize, hiddenSize: hiddenSize)
      if let logitRows { head.logitBytes = logitRows * (vocabularySize + 15) / 16 * 16 * 4 }
      head.threads = threads
      return try hidden.withUnsafeBufferPointer { hidden in
        try hiddenGradient.withUnsafeMutableBufferPointer { hiddenGradient in
          try weightGradient.withUnsafeMutableBufferPointer { weightGradient in
            try body(
              head, #require(hidden.baseAddress), #require(hiddenGradient.baseAddress),
              #require(weightGradient.baseAddress))
          }
        }
      }
    }
  }

  /// Expects the scores and the gradients that were added to agree with the plain version, relative above 1.
  func expectAgreement(
    _ scores: LogProbabilities, _ cotangent: LogProbabilityCotangent, reference: HeadSample? = nil,
    tolerance: Double = 1e-5, location: SourceLocation = #_sourceLocation
  ) {
    let plain = plain(reference: reference)
    let expected = plain.gradients(from: cotangent)
    let pairs: [(String, [Double], [Double])] = [
      ("log-probability", scores.values, plain.scores.values),
      ("entropy", scores.entropies, plain.scores.entropies),
      ("log collision", scores.logCollisions, plain.scores.logCollisions),
      ("divergence", scores.divergences, plain.scores.divergences),
      ("hidden state's gradient", added.hidden.map { Double($0) }, expected.hidden.flatMap { $0 }),
      ("weight's gradient", added.weight.map { Double($0) }, expected.weight.flatMap { $0 }),
    ]
    for (name, found, expected) in pairs where !found.isEmpty {
      #expect(found.count == expected.count, "\(name)", sourceLocation: location)
      for (index, (found, expected)) in zip(found, expected).enumerated()
      where !(abs(found - expected) <= tolerance * max(1, abs(expected))) {
        Issue.record("\(name) \(index) is \(found), not \(expected)", sourceLocation: location)
      }
    }
  }
}
