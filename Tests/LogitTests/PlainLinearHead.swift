import LossKitLogits

/// The reference for `LinearHead`, in double precision and with all logits in memory.
struct PlainLinearHead {
  /// The scores of the rows.
  let scores: PlainLogProbabilities
  private let hidden, weight: [[Double]]

  /// Scores hidden states, one row per token, with weights, one row per token of the vocabulary.
  init(
    hidden: [[Double]], weight: [[Double]], labels: TokenLabels,
    reference: (hidden: [[Double]], weight: [[Double]])? = nil
  ) {
    self.hidden = hidden
    self.weight = weight
    scores = PlainLogProbabilities(
      of: Self.logits(hidden, weight), labels: labels,
      reference: reference.map { Self.logits($0.hidden, $0.weight) })
  }

  private static func logits(_ hidden: [[Double]], _ weight: [[Double]]) -> [[Double]] {
    hidden.map { state in weight.map { zip(state, $0).map(*).reduce(0, +) } }
  }

  /// The gradients of the hidden states and of the weights.
  func gradients(from cotangent: LogProbabilityCotangent) -> (hidden: [[Double]], weight: [[Double]]) {
    let slopes = scores.gradient(from: cotangent)
    var hiddenGradient = hidden.map { $0.map { _ in 0.0 } }, weightGradient = weight.map { $0.map { _ in 0.0 } }
    for (row, slopes) in slopes.enumerated() {
      for (token, slope) in slopes.enumerated() {
        for index in hidden[row].indices {
          hiddenGradient[row][index] += slope * weight[token][index]
          weightGradient[token][index] += slope * hidden[row][index]
        }
      }
    }
    return (hiddenGradient, weightGradient)
  }
}
