import LossKit

extension Transformer {
  /// The columns that a forward call asks for.
  struct Output {
    private let responses, perToken, divergences, collisions: UnsafeMutableBufferPointer<Double>?
    /// How many responses the columns have room for.
    private let rowCount: Int
    private let offsets: UnsafeBufferPointer<Int>?

    /// Clears the columns, so that responses which a prompt does not have read 0. Throws where the offsets of the per-token column
    /// do not agree with the tokens.
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

    /// Whether a column compares with references.
    var needsReferences: Bool { divergences != nil }
    /// Whether a column needs more of a distribution than the log-probability of its target.
    var needsDistributions: Bool { divergences != nil || collisions != nil }

    /// Where each response's tokens start in a per-token column; nil where none is asked for.
    static func tokenOffsets(of batch: PolicyBatch, _ tokens: TokenBatch) throws -> UnsafeBufferPointer<Int>? {
      guard let offsets = batch.tokenOffsets else { return nil }
      for (sequence, row) in tokens.rows.enumerated() {
        let count = tokens.scoredStarts[sequence + 1] - tokens.scoredStarts[sequence]
        guard offsets[row + 1] - offsets[row] == count else {
          throw Failure(
            "transformer: response \(row) has \(count) tokens, its offsets say \(offsets[row + 1] - offsets[row])")
        }
      }
      return offsets
    }

    /// Writes what a forward pass found. Throws for a value that is not finite, naming the prompt.
    func write(_ tokens: TokenBatch, _ activations: Activations, promptCount: Int) throws {
      for (sequence, row) in tokens.rows.enumerated() {
        var sum = 0.0
        let scored = tokens.scoredStarts[sequence]..<tokens.scoredStarts[sequence + 1]
        for (index, place) in scored.enumerated() {
          let value = Double(activations.logProbabilities[place])
          sum += value
          if let perToken, let offsets { perToken[offsets[row] + index] = value }
        }
        guard sum.isFinite else {
          throw Failure(
            "transformer: the log-probability of response \(row / promptCount) of prompt \(row % promptCount) is "
              + "\(sum): the weights have diverged; lower the learning rate", prompt: row % promptCount)
        }
        responses?[row] = sum
      }
    }

    /// Writes what depends on the whole distribution at each position. `references` hold those of the whole batch, in which this
    /// part's first position is `firstPosition`.
    func writeDistributions(
      _ tokens: TokenBatch, _ activations: Activations, _ head: OutputHead, references: [Distributions],
      firstPosition: Int
    ) throws {
      // The response of each position, and the position that is next.
      var sequence = 0
      var position = 0
      try head.eachRow(activations.scoredNorm, count: tokens.targets.count) { logits in
        while position == tokens.scoredStarts[sequence + 1] { sequence += 1 }
        let row = tokens.rows[sequence]
        let sum = Distributions.logSumExp(logits, count: head.vocabularySize)
        collisions?[row] += Distributions.logSumExp(logits, count: head.vocabularySize, times: 2) - 2 * sum
        for (index, reference) in references.enumerated() {
          divergences?[index * rowCount + row] += reference.divergence(
            at: firstPosition + position, from: logits, logSumExp: sum)
        }
        position += 1
      }
    }
  }
}
