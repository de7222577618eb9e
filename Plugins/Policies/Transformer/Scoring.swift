import LossKitHead
import LossKitLogits

/// What is asked of the next-token distributions at the scored positions, beside the log-probabilities of the targets.
struct Scoring {
  var extras: LogProbabilities.Extras = []
  /// What each distribution is compared with.
  var references: [ReferenceStates] = []
}

/// The next-token distributions of a frozen model at the scored positions of a batch, as its last hidden states.
struct ReferenceStates {
  private let model: LlamaModel
  /// [S, hidden], normed.
  private let hidden: FloatBuffer
  /// The scored positions.
  let count: Int

  /// Those of the model that `passes` works with.
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

  /// The distributions from a position on. Valid as long as this is.
  func reference(from position: Int) throws -> LinearHead.Reference {
    LinearHead.Reference(
      head: try model.head(), hidden: UnsafePointer(hidden.pointer + position * model.architecture.hiddenSize))
  }
}

/// The gradient with respect to what was scored, position by position.
struct HeadCotangent {
  /// Of the targets' log-probabilities.
  var targets: [Double]
  /// Of the divergences, one array for each reference.
  var divergences: [[Double]] = []

  /// A position at which the gradient is not finite, or more than the logits' floats could hold.
  var unusablePosition: Int? {
    let most = Double(Float.greatestFiniteMagnitude) / 4
    return targets.indices.first { position in
      !(divergences.reduce(abs(targets[position])) { $0 + abs($1[position]) } <= most)
    }
  }

  /// The gradient for some positions alone.
  func part(_ positions: Range<Int>) -> HeadCotangent {
    HeadCotangent(targets: Array(targets[positions]), divergences: divergences.map { Array($0[positions]) })
  }
}
