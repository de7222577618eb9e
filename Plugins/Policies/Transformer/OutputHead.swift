#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The last matrix, the softmax over the vocabulary and the log-probability of the target, for the scored positions only.
/// Logits are made some rows at a time, and made again for the gradient.
struct OutputHead {
  /// Rows whose logits are in memory at once.
  static let tileRows = 512
  /// How far apart the rows of logits are, in floats.
  private static let stride = (Token.vocabularySize + 7) & ~7

  let hiddenSize: Int
  /// [vocabulary, hidden].
  let weight: UnsafeMutablePointer<Float>
  /// [tileRows, stride].
  let logits: UnsafeMutablePointer<Float>

  /// The floats of the logits of a tile.
  static let workspaceSize = tileRows * stride

  /// Writes the log-probability of each row's target, in nats, and the log-sum-exp of its logits.
  func forward(
    _ hidden: UnsafeMutablePointer<Float>, targets: [Int32], into logProbabilities: UnsafeMutablePointer<Float>,
    logSumExp: UnsafeMutablePointer<Float>
  ) throws {
    for first in Swift.stride(from: 0, to: targets.count, by: Self.tileRows) {
      let rows = min(Self.tileRows, targets.count - first)
      try makeLogits(hidden + first * hiddenSize, rows: rows)
      for row in 0..<rows {
        let x = logits + row * Self.stride
        let sum = Self.logSumExp(x)
        logSumExp[first + row] = sum
        logProbabilities[first + row] = x[Int(targets[first + row])] - sum
      }
    }
  }

  /// Writes the gradient of `hidden`, and adds that of the weight, from `cotangent`, the gradient of the log-probabilities.
  func backward(
    _ hidden: UnsafeMutablePointer<Float>, targets: [Int32], logSumExp: UnsafeMutablePointer<Float>,
    cotangent: ArraySlice<Float>, into gradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>
  ) throws {
    for first in Swift.stride(from: 0, to: targets.count, by: Self.tileRows) {
      let rows = min(Self.tileRows, targets.count - first)
      let tile = Matrix(hidden + first * hiddenSize, stride: hiddenSize)
      try makeLogits(tile.start, rows: rows)
      for row in 0..<rows {
        let x = logits + row * Self.stride, slope = cotangent[cotangent.startIndex + first + row],
          sum = logSumExp[first + row]
        for index in Swift.stride(from: 0, to: Self.stride, by: 8) {
          (exponential(Vector(from: x + index) - sum) * -slope).store(to: x + index)
        }
        x[Int(targets[first + row])] += slope
      }
      let logitGradient = Matrix(logits, stride: Self.stride)
      let matrix = Matrix(weight, stride: hiddenSize)
      try MatrixProduct.rowsByColumns(
        logitGradient, matrix, into: Matrix(gradient + first * hiddenSize, stride: hiddenSize), rows: rows,
        columns: hiddenSize, inner: Token.vocabularySize)
      try MatrixProduct.addColumnsByColumns(
        logitGradient, tile, into: Matrix(weightGradient, stride: hiddenSize), rows: Token.vocabularySize,
        columns: hiddenSize, inner: rows)
    }
  }

  private func makeLogits(_ hidden: UnsafeMutablePointer<Float>, rows: Int) throws {
    try MatrixProduct.rowsByRows(
      Matrix(hidden, stride: hiddenSize), Matrix(weight, stride: hiddenSize), into: Matrix(logits, stride: Self.stride),
      rows: rows, columns: Token.vocabularySize, inner: hiddenSize)
    for row in 0..<rows {
      for index in Token.vocabularySize..<Self.stride { logits[row * Self.stride + index] = -.infinity }
    }
  }

  private static func logSumExp(_ x: UnsafeMutablePointer<Float>) -> Float {
    var maxima = Vector(repeating: -.infinity)
    for index in Swift.stride(from: 0, to: stride, by: 8) { maxima = larger(maxima, Vector(from: x + index)) }
    let maximum = maxima.max()
    var sums = Vector(repeating: 0)
    for index in Swift.stride(from: 0, to: stride, by: 8) { sums += exponential(Vector(from: x + index) - maximum) }
    return maximum + log(sums.sum())
  }
}
