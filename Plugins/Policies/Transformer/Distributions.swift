#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The next-token distributions of a model at the scored positions of a batch, over the whole vocabulary, as logits.
struct Distributions {
  private let vocabularySize: Int
  /// How far apart two rows are, in floats.
  private let stride: Int
  /// [S, stride]; what lies beyond the vocabulary is −∞.
  private let logits: FloatBuffer
  /// The log-sum-exp of each row, in double: a divergence is a small difference of these.
  private(set) var logSumExp: [Double] = []

  /// Room for the distributions of that many positions, to be filled in order.
  init(count: Int, vocabularySize: Int) throws {
    self.vocabularySize = vocabularySize
    stride = OutputHead.stride(vocabularySize: vocabularySize)
    logits = try FloatBuffer(count: count * stride)
    logSumExp.reserveCapacity(count)
  }

  /// The distributions of a model for a batch.
  init(of batch: TokenBatch, _ passes: BatchPasses, _ head: OutputHead) throws {
    try self.init(count: batch.targets.count, vocabularySize: head.vocabularySize)
    try passes.forward(batch, keepingActivations: false) { part, activations in
      try head.eachRow(activations.scoredNorm, count: part.targets.count) { append($0) }
    }
  }

  private mutating func append(_ row: UnsafeMutablePointer<Float>) {
    self.row(logSumExp.count).update(from: row, count: stride)
    logSumExp.append(Self.logSumExp(row, count: vocabularySize))
  }

  /// The logits at a position.
  func row(_ position: Int) -> UnsafeMutablePointer<Float> { logits.pointer + position * stride }

  /// KL(p ‖ q) in nats, p the distribution at a position, q the one of other logits.
  func divergence(at position: Int, from other: UnsafePointer<Float>, logSumExp otherSum: Double) -> Double {
    let own = row(position), sum = logSumExp[position]
    return (0..<vocabularySize).reduce(0) { total, token in
      let logP = Double(own[token]) - sum
      return total + exp(logP) * (logP - Double(other[token]) + otherSum)
    }
  }

  /// log Σ_v e^(x_v) over the vocabulary.
  static func logSumExp(_ row: UnsafePointer<Float>, count: Int, times factor: Double = 1) -> Double {
    let highest = Double((0..<count).reduce(-Float.infinity) { max($0, row[$1]) })
    let sum = (0..<count).reduce(0) { $0 + exp(factor * (Double(row[$1]) - highest)) }
    return factor * highest + log(sum)
  }
}

/// The gradient of Σ slope · KL(p ‖ π) over some positions, p the distribution of a reference there.
struct DivergenceCotangent {
  let distributions: Distributions
  /// The slope at each scored position of the batch.
  let slopes: [Float]
}

/// What the gradient of the head's logits comes from, for the scored positions of one part of a batch.
struct HeadCotangent {
  /// The gradient of the targets' log-probabilities.
  let targets: ArraySlice<Float>
  /// Those of the divergences from references; their positions are those of the whole batch, as the indices of `targets`.
  var divergences: [DivergenceCotangent] = []
}
