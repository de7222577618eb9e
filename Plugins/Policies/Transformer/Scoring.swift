import LossKitHead
import LossKitLogits

/// What to compute from the next-token distributions at the scored positions, besides the log-probabilities of the targets.
struct Scoring {
  var extras: LogProbabilities.Extras = []
  /// The references to compute divergences from.
  var references: [ReferenceStates] = []
}

/// The next-token distributions of a frozen model at the scored positions of a batch, stored as its last hidden states.
struct ReferenceStates {
  private let model: LlamaModel
  /// [S, hidden], after the final norm.
  private let hidden: FloatBuffer
  /// The number of scored positions.
  let count: Int

  /// Computes the states of the model of `passes`.
  init(of batch: TokenBatch, _ passes: BatchPasses) throws {
    model = passes.model
    count = batch.targets.count
    let size = model.architecture.hiddenSize
    let hidden = try FloatBuffer(count: count * size)
    var first = 0
    try passes.forward(batch, keepingActivations: false, scoring: nil) { part, activations in
      (hidden.pointer + first * size).update(from: activations.scoredNorm, count: part.targets.count * size)
      first += part.targets.count
    }
    self.hidden = hidden
  }

  /// The distributions from a position on, valid for the lifetime of this value.
  func reference(from position: Int) throws -> LinearHead.Reference {
    LinearHead.Reference(
      head: try model.head(), hidden: UnsafePointer(hidden.pointer + position * model.architecture.hiddenSize))
  }
}

/// The gradient with respect to the scores, position by position.
struct HeadCotangent {
  /// For the targets' log-probabilities.
  var targets: [Double]
  /// For the divergences, one array per reference.
  var divergences: [[Double]] = []

  /// A position whose gradient is not finite, or exceeds the range of the logits' floats.
  var unusablePosition: Int? {
    let most = Double(Float.greatestFiniteMagnitude) / 4
    return targets.indices.first { position in
      !(divergences.reduce(abs(targets[position])) { $0 + abs($1[position]) } <= most)
    }
  }

  /// The gradient for a range of positions.
  func part(_ positions: Range<Int>) -> HeadCotangent {
    HeadCotangent(targets: Array(targets[positions]), divergences: divergences.map { Array($0[positions]) })
  }
}
