import LossKit
import LossKitLogits

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Some rows of hidden states and their logits, one tile after another in the same memory.
final class HeadTile {
  private let head: LinearHead
  /// The rows of the tile, as the caller counts them.
  private var rows: ArraySlice<Int> = []
  /// The tile's hidden states: the caller's where its rows are neighbours, or a copy.
  private var hidden: UnsafePointer<Float>
  /// [rows, hidden], [rows, stride], [rows, hidden].
  private let copy, logits, gradient: FloatMemory

  /// A tile of up to `rowCount` rows.
  init(head: LinearHead, rowCount: Int) throws {
    self.head = head
    copy = try FloatMemory(count: rowCount * head.hiddenSize)
    logits = try FloatMemory(count: rowCount * head.logitStride)
    gradient = try FloatMemory(count: rowCount * head.hiddenSize)
    hidden = UnsafePointer(copy.start)
  }

  /// Makes the logits of rows of the caller's hidden states.
  func load(_ rows: ArraySlice<Int>, of all: UnsafePointer<Float>) throws {
    self.rows = rows
    guard let first = rows.first, let last = rows.last else { return }
    let size = head.hiddenSize
    if last - first + 1 == rows.count {
      hidden = all + first * size
    } else {
      for (index, row) in rows.enumerated() { (copy.start + index * size).update(from: all + row * size, count: size) }
      hidden = UnsafePointer(copy.start)
    }
    try MatrixProduct.run(
      states, head.weights.transposed, rows: rows.count, columns: head.vocabularySize, inner: size, into: logits.start,
      stride: head.logitStride)
  }

  /// The scores of the tile's rows.
  func score(_ labels: TokenLabels, adding extras: LogProbabilities.Extras) throws -> LogProbabilities {
    try LogProbabilities(
      of: matrix, labels: TokenLabels(rows.map { labels.values[$0] }), adding: extras, threads: head.threads, level: 0,
      rowNumbers: Array(rows))
  }

  /// Overwrites the logits with their gradient and adds what follows from it. Row r's cotangent is number r - `offset`.
  func addGradients(
    of scored: LogProbabilities, from cotangent: LogProbabilityCotangent, offset: Int,
    toHidden hiddenGradient: UnsafeMutablePointer<Float>, toWeight weightGradient: UnsafeMutablePointer<Float>
  ) throws {
    guard let first = rows.first, let last = rows.last else { return }
    let size = head.hiddenSize
    try scored.selecting(rows).writeGradient(
      of: matrix, from: cotangent.selecting(rows.lazy.map { $0 - offset }), threads: head.threads)
    let slopes = MatrixProduct.Factor(start: UnsafePointer(logits.start), stride: head.logitStride)
    try MatrixProduct.run(
      slopes.transposed, states, rows: head.vocabularySize, columns: size, inner: rows.count, into: weightGradient,
      stride: size, adding: true)
    let areNeighbours = last - first + 1 == rows.count
    try MatrixProduct.run(
      slopes, head.weights, rows: rows.count, columns: size, inner: head.vocabularySize,
      into: areNeighbours ? hiddenGradient + first * size : gradient.start, stride: size, adding: areNeighbours)
    if areNeighbours { return }
    for (index, row) in rows.enumerated() {
      let target = hiddenGradient + row * size, source = gradient.start + index * size
      for element in 0..<size { target[element] += source[element] }
    }
  }

  private var states: MatrixProduct.Factor { MatrixProduct.Factor(start: hidden, stride: head.hiddenSize) }

  private var matrix: LogitMatrix {
    LogitMatrix(
      logits.start, tokenCount: rows.count, vocabularySize: head.vocabularySize, rowStride: head.logitStride)
  }
}

/// Floats that are aligned as vectors are, and freed with their owner.
final class FloatMemory {
  let start: UnsafeMutablePointer<Float>

  /// Memory for that many floats, not initialized. Throws where there is none.
  init(count: Int) throws {
    var address: UnsafeMutableRawPointer?
    guard posix_memalign(&address, 64, max(1, count) * MemoryLayout<Float>.stride) == 0, let address else {
      throw Failure("linear head: no memory for \(count) floats; set `logitBytes` lower")
    }
    start = address.bindMemory(to: Float.self, capacity: max(1, count))
  }

  deinit { free(start) }
}
