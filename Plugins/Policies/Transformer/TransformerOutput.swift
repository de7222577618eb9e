import LossKit
import LossKitLogits

extension Transformer {
  /// The columns that a forward call requests.
  struct Output {
    private let responses, perToken, divergences, collisions: UnsafeMutableBufferPointer<Double>?
    /// The number of responses the columns have room for.
    private let rowCount: Int
    private let offsets: UnsafeBufferPointer<Int>?

    /// Clears the columns, so that responses that a prompt lacks are 0. Throws if the offsets of the per-token column do not match the
    /// tokens.
    init(_ batch: PolicyBatch, _ tokens: TokenBatch) throws {
      responses = batch.values(of: .logProbability)
      perToken = batch.values(of: .tokenLogProbability)
      divergences = batch.values(of: Transformer.divergence)
      collisions = batch.values(of: Transformer.logCollision)
      rowCount = batch.texts.promptCount * batch.texts.responseCount
      offsets = try Self.tokenOffsets(of: batch, tokens)
      guard perToken == nil || offsets != nil else {
        throw Failure("transformer: a column per token needs token offsets")
      }
      responses?.update(repeating: 0)
      perToken?.update(repeating: 0)
      divergences?.update(repeating: 0)
      collisions?.update(repeating: 0)
    }

    /// Whether a column needs references.
    var needsReferences: Bool { divergences != nil }
    /// Whether a column needs the sums of squared probabilities.
    var needsCollisions: Bool { collisions != nil }

    /// The start of each response's tokens in a per-token column; nil if none is requested.
    static func tokenOffsets(of batch: PolicyBatch, _ tokens: TokenBatch) throws -> UnsafeBufferPointer<Int>? {
      guard let offsets = batch.tokenOffsets else { return nil }
      for (sequence, row) in tokens.rows.enumerated() {
        let count = tokens.scoredStarts[sequence + 1] - tokens.scoredStarts[sequence]
        guard offsets[row + 1] - offsets[row] == count else {
          throw Failure(
            "transformer: response \(row + 1) has \(count) tokens, its offsets say \(offsets[row + 1] - offsets[row])")
        }
      }
      return offsets
    }

    /// Writes the results of a forward pass. Throws, naming the prompt, for a value that is not finite.
    func write(_ tokens: TokenBatch, _ activations: Activations, promptCount: Int) throws {
      if let position = activations.divergedPosition {
        throw Self.divergence(.nan, row: tokens.row(ofScored: position) ?? 0, promptCount)
      }
      guard let scores = activations.scores.first else { return }
      let values = scores.values, ownCollisions = scores.logCollisions
      let ownDivergences = activations.scores.map(\.divergences)
      for (sequence, row) in tokens.rows.enumerated() {
        let scored = tokens.scoredStarts[sequence]..<tokens.scoredStarts[sequence + 1]
        let sum = values[scored].reduce(0, +)
        guard sum.isFinite else { throw Self.divergence(sum, row: row, promptCount) }
        responses?[row] = sum
        if let perToken, let offsets {
          for (index, place) in scored.enumerated() { perToken[offsets[row] + index] = values[place] }
        }
        collisions?[row] = ownCollisions[scored].reduce(0, +)
        guard let divergences else { continue }
        for (reference, values) in ownDivergences.enumerated() {
          divergences[reference * rowCount + row] = values[scored].reduce(0, +)
        }
      }
    }

    private static func divergence(_ value: Double, row: Int, _ promptCount: Int) -> Failure {
      Failure(
        "transformer: the log-probability of response \(row / promptCount + 1) of prompt "
          + "\(row % promptCount + 1) is \(roundTripDecimal(value)): the weights have diverged; lower the learning rate",
        prompt: row % promptCount)
    }
  }
}
