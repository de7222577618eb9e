#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The last matrix, the softmax over the vocabulary and the log-probability of the target, for the scored positions only.
/// Logits are made some rows at a time, and made again for the gradient.
struct OutputHead {
  /// Floats that the logits in memory may take, but for a vocabulary of which few rows fit in.
  private static let largestTile = 1 << 22

  let hiddenSize, vocabularySize: Int
  /// [vocabulary, hidden].
  let weight: UnsafeMutablePointer<Float>
  /// [tileRows, stride].
  let logits: UnsafeMutablePointer<Float>
  /// The owner of `logits`, where nobody else is.
  var memory: FloatBuffer?

  /// Rows whose logits are in memory at once.
  static func tileRows(vocabularySize: Int) -> Int {
    max(32, min(512, largestTile / stride(vocabularySize: vocabularySize)))
  }
  /// How far apart the rows of logits are, in floats.
  static func stride(vocabularySize: Int) -> Int { (vocabularySize + 7) & ~7 }
  /// The floats of the logits of a tile.
  static func workspaceSize(vocabularySize: Int) -> Int {
    tileRows(vocabularySize: vocabularySize) * stride(vocabularySize: vocabularySize)
  }

  private var tileRows: Int { Self.tileRows(vocabularySize: vocabularySize) }
  private var stride: Int { Self.stride(vocabularySize: vocabularySize) }

  /// Writes the log-probability of each row's target, in nats, and the log-sum-exp of its logits.
  func forward(
    _ hidden: UnsafeMutablePointer<Float>, targets: [Int32], into logProbabilities: UnsafeMutablePointer<Float>,
    logSumExp: UnsafeMutablePointer<Float>
  ) throws {
    for first in Swift.stride(from: 0, to: targets.count, by: tileRows) {
      let rows = min(tileRows, targets.count - first)
      try makeLogits(hidden + first * hiddenSize, rows: rows)
      for row in 0..<rows {
        let x = logits + row * stride
        let sum = self.logSumExp(x)
        logSumExp[first + row] = sum
        logProbabilities[first + row] = x[Int(targets[first + row])] - sum
      }
    }
  }

  /// Calls `body` with the logits of each row, one after the other.
  func eachRow(
    _ hidden: UnsafeMutablePointer<Float>, count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void
  ) throws {
    try withExtendedLifetime(memory) {
      for first in Swift.stride(from: 0, to: count, by: tileRows) {
        let rows = min(tileRows, count - first)
        try makeLogits(hidden + first * hiddenSize, rows: rows)
        for row in 0..<rows { body(logits + row * stride) }
      }
    }
  }

  /// Writes the gradient of `hidden`, and adds that of the weight, from `cotangent`, the gradient of the log-probabilities and
  /// of the divergences from references.
  func backward(
    _ hidden: UnsafeMutablePointer<Float>, targets: [Int32], logSumExp: UnsafeMutablePointer<Float>,
    cotangent: HeadCotangent, into gradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>
  ) throws {
    for first in Swift.stride(from: 0, to: targets.count, by: tileRows) {
      let rows = min(tileRows, targets.count - first)
      let tile = Matrix(hidden + first * hiddenSize, stride: hiddenSize)
      try makeLogits(tile.start, rows: rows)
      for row in 0..<rows {
        let position = cotangent.targets.startIndex + first + row
        let x = logits + row * stride, slope = cotangent.targets[position], sum = logSumExp[first + row]
        // Both the log-probability of the target and the divergences have the policy's own distribution in their gradients.
        let own = cotangent.divergences.reduce(-slope) { $0 + $1.slopes[position] }
        for index in Swift.stride(from: 0, to: stride, by: 8) {
          (exponential(Vector(from: x + index) - sum) * own).store(to: x + index)
        }
        x[Int(targets[first + row])] += slope
        for divergence in cotangent.divergences { subtract(divergence, at: position, from: x) }
      }
      let logitGradient = Matrix(logits, stride: stride)
      let matrix = Matrix(weight, stride: hiddenSize)
      try MatrixProduct.rowsByColumns(
        logitGradient, matrix, into: Matrix(gradient + first * hiddenSize, stride: hiddenSize), rows: rows,
        columns: hiddenSize, inner: vocabularySize)
      try MatrixProduct.addColumnsByColumns(
        logitGradient, tile, into: Matrix(weightGradient, stride: hiddenSize), rows: vocabularySize,
        columns: hiddenSize, inner: rows)
    }
  }

  /// The part of a divergence's gradient that is the reference's own distribution.
  private func subtract(
    _ divergence: DivergenceCotangent, at position: Int, from x: UnsafeMutablePointer<Float>
  ) {
    let slope = divergence.slopes[position]
    guard slope != 0 else { return }
    let reference = divergence.distributions.row(position)
    let sum = Float(divergence.distributions.logSumExp[position])
    for index in Swift.stride(from: 0, to: stride, by: 8) {
      let share = exponential(Vector(from: reference + index) - sum) * slope
      (Vector(from: x + index) - share).store(to: x + index)
    }
  }

  private func makeLogits(_ hidden: UnsafeMutablePointer<Float>, rows: Int) throws {
    try MatrixProduct.rowsByRows(
      Matrix(hidden, stride: hiddenSize), Matrix(weight, stride: hiddenSize), into: Matrix(logits, stride: stride),
      rows: rows, columns: vocabularySize, inner: hiddenSize)
    for row in 0..<rows {
      for index in vocabularySize..<stride { logits[row * stride + index] = -.infinity }
    }
  }

  private func logSumExp(_ x: UnsafeMutablePointer<Float>) -> Float {
    var maxima = Vector(repeating: -.infinity)
    for index in Swift.stride(from: 0, to: stride, by: 8) { maxima = larger(maxima, Vector(from: x + index)) }
    let maximum = maxima.max()
    var sums = Vector(repeating: 0)
    for index in Swift.stride(from: 0, to: stride, by: 8) { sums += exponential(Vector(from: x + index) - maximum) }
    return maximum + log(sums.sum())
  }
}
