import CLossKitRows
import LossKit
import LossKitLogits

/// A tile of hidden states and their logits. Successive tiles use the same memory.
struct HeadTile {
  private let head: LinearHead
  private let reference: LinearHead.Reference?
  private unowned let memory: LinearHeadMemory
  /// The tile's rows, numbered as in the call.
  private var rows: ArraySlice<Int> = []
  /// The tile's hidden states as a factor.
  private var states: Factor

  init(_ head: LinearHead, reference: LinearHead.Reference?, in memory: LinearHeadMemory) {
    self.head = head
    self.reference = reference
    self.memory = memory
    states = Factor(memory.states.pointer, stride: head.hiddenSize)
  }

  /// Computes the logits of rows of the call's hidden states, and those of the reference.
  mutating func load(_ rows: ArraySlice<Int>, of hidden: UnsafePointer<Float>) throws {
    self.rows = rows
    if let reference {
      _ = try makeLogits(reference.head, reference.hidden, memory.rounded, into: memory.referenceLogits)
    }
    states = try makeLogits(head, hidden, memory.roundedStates, into: memory.logits)
  }

  /// Scores the tile's rows.
  func score(_ labels: TokenLabels, adding extras: LogProbabilities.Extras) throws -> LogProbabilities {
    try LogProbabilities(
      of: matrix(memory.logits), labels: TokenLabels(rows.map { labels.values[$0] }), adding: extras,
      reference: reference.map { _ in matrix(memory.referenceLogits) }, threads: head.threads, level: 0,
      rowNumbers: Array(rows))
  }

  /// Overwrites the logits with their gradient and adds the gradients of hidden states and, if asked for, of weights. `offset` is the row of the first
  /// cotangent.
  func addGradients(
    of scored: LogProbabilities, from cotangent: LogProbabilityCotangent, offset: Int,
    toHidden hiddenGradient: UnsafeMutablePointer<Float>, toWeight weightGradient: UnsafeMutablePointer<Float>?
  ) throws {
    guard let first = rows.first else { return }
    let size = head.hiddenSize, count = rows.count * head.logitStride
    if head.logitCap != nil {
      try memory.cappedLogits.reserve(count)
      memory.cappedLogits.pointer.update(from: memory.logits.pointer, count: count)
    }
    try scored.selecting(rows).writeGradient(
      of: matrix(memory.logits), from: cotangent.selecting(rows.map { $0 - offset }[...]),
      reference: reference.map { _ in matrix(memory.referenceLogits) }, threads: head.threads)
    if let cap = head.logitCap {
      forEachRow { kernels.cap_gradient(memory.cappedLogits.pointer + $0, memory.logits.pointer + $0, cap, $1) }
    }
    let slopes = try slopes()
    if let weightGradient {
      try memory.products.run(
        slopes.transposed, states, into: Matrix(weightGradient, stride: size), rows: head.vocabularySize,
        columns: size, inner: rows.count, adding: true)
    }
    let target = areNeighbours ? hiddenGradient + first * size : memory.gradient.pointer
    try memory.products.run(
      slopes, head.weights, into: Matrix(target, stride: size), rows: rows.count, columns: size,
      inner: head.vocabularySize, adding: areNeighbours)
    if areNeighbours { return }
    for (index, row) in rows.enumerated() {
      let target = hiddenGradient + row * size, source = memory.gradient.pointer + index * size
      for element in 0..<size { target[element] += source[element] }
    }
  }

  private var areNeighbours: Bool {
    guard let first = rows.first, let last = rows.last else { return true }
    return last - first + 1 == rows.count
  }

  /// Computes the logits of the tile's rows under a head. Returns the hidden states as they were multiplied; for a bfloat16 head they are
  /// in `rounded`.
  private func makeLogits(
    _ head: LinearHead, _ all: UnsafePointer<Float>, _ rounded: FloatBuffer, into logits: FloatBuffer
  ) throws -> Factor {
    guard let first = rows.first else { return head.weights }
    let size = head.hiddenSize
    var hidden = all + first * size
    if !areNeighbours {
      try memory.states.reserve(rows.count * size)
      for (index, row) in rows.enumerated() {
        (memory.states.pointer + index * size).update(from: all + row * size, count: size)
      }
      hidden = UnsafePointer(memory.states.pointer)
    }
    var states = Factor(hidden, stride: size)
    if head.roundedWeight != nil {
      states = MatrixProducts.rounded(
        hidden, stride: size, into: try rounded.rounded(rows.count * size), rows: rows.count, columns: size)
    }
    try memory.products.run(
      states, head.weights.transposed, into: Matrix(logits.pointer, stride: head.logitStride), rows: rows.count,
      columns: head.vocabularySize, inner: size)
    if let cap = head.logitCap { forEachRow { kernels.cap(logits.pointer + $0, cap, $1) } }
    return states
  }

  private var kernels: losskit_transformer_kernels { losskit_transformer_kernels_for(0).pointee }

  /// Calls `body` with the start and length of each row of logits, on several threads.
  private func forEachRow(_ body: (_ start: Int, _ count: Int) -> Void) {
    Team.run(rows.count, fewest: (1 << 14) / head.vocabularySize + 1) { _, range in
      for row in range { body(row * head.logitStride, head.vocabularySize) }
    }
  }

  /// The gradient of the logits as a factor.
  private func slopes() throws -> Factor {
    let stride = head.logitStride
    guard head.roundedWeight != nil else { return Factor(memory.logits.pointer, stride: stride) }
    return MatrixProducts.rounded(
      memory.logits.pointer, stride: stride, into: try memory.rounded.rounded(rows.count * head.vocabularySize),
      rows: rows.count, columns: head.vocabularySize)
  }

  private func matrix(_ logits: FloatBuffer) -> LogitMatrix {
    LogitMatrix(
      logits.pointer, tokenCount: rows.count, vocabularySize: head.vocabularySize, rowStride: head.logitStride)
  }
}
