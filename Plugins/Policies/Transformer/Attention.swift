import CLossKitRows
import LossKitHead
import LossKitSystem

/// Causal grouped-query attention over the segments of a batch.
///
/// The query heads that share a key head form the rows of one matrix, position by position, so that their scores are one product. Scores
/// are computed tile by tile and not kept; the backward pass recomputes them from their log-sum-exp. A row of scores has the keys of the
/// segment's prompt, then those of the segment itself.
///
/// A thread works on one key head of one prompt and its responses at a time.
struct Attention {
  /// The number of positions whose scores are in memory at once.
  static let tileLength = 64

  let architecture: Architecture
  /// The scores of a tile and their gradients, [tile · group, length] each.
  let scores, scoreGradients: UnsafeMutablePointer<Float>
  /// A tile's outputs, or their gradients, [tile · group, head size].
  let tileOutput, tileQueryGradient: UnsafeMutablePointer<Float>
  /// A row of capped scores; empty without a cap.
  let cappedScores: UnsafeMutablePointer<Float>

  /// The sizes in floats of the five arrays, for prompts with responses of up to `length` tokens.
  static func workspaceSizes(_ architecture: Architecture, length: Int) -> [Int] {
    let rows = min(tileLength, length) * architecture.groupSize
    let scores = rows * padded(length), outputs = rows * architecture.headSize
    return [scores, scores, outputs, outputs, architecture.variant.scoreCap == nil ? 0 : padded(length)]
  }

  init(_ architecture: Architecture, _ carver: inout Carver, sizes: [Int]) {
    self.architecture = architecture
    scores = carver.take(sizes[0])
    scoreGradients = carver.take(sizes[1])
    tileOutput = carver.take(sizes[2])
    tileQueryGradient = carver.take(sizes[3])
    cappedScores = carver.take(sizes[4])
  }

  /// Rotates the queries and the keys of one key head and writes the attention outputs. `segments` are a prompt and its responses.
  func forward(
    _ segments: ArraySlice<TokenBatch.Segment>, keyHead: Int, _ layer: Activations.Layer, rule: AttentionRule
  ) throws {
    for segment in segments {
      rotate(segment, keyHead: keyHead, layer, rule.rotary)
      try forEachTile(of: segment, keyHead: keyHead, layer, rule) { tile in
        try makeScores(tile)
        softmax(tile)
        try forEachKeyRange(of: tile) { keys in
          try MatrixProducts.run(
            scoreMatrix(scores, tile, keys).factor, keys.values.factor, into: tileMatrix(tileOutput),
            rows: tile.rowCount, columns: architecture.headSize, inner: keys.count, adding: keys.isContinued)
        }
        forEachHead(of: tile) { row, offset in
          (layer.attended + offset).update(
            from: tileOutput + row * architecture.headSize, count: architecture.headSize)
        }
      }
    }
  }

  /// Writes the gradients of the same queries, keys and values, before rotation, given `cotangent`, the gradient of the outputs.
  func backward(
    _ segments: ArraySlice<TokenBatch.Segment>, keyHead: Int, _ layer: Activations.Layer, rule: AttentionRule,
    cotangent: UnsafeMutablePointer<Float>, into gradient: UnsafeMutablePointer<Float>
  ) throws {
    for segment in segments { clearKeys(segment, keyHead: keyHead, gradient) }
    for segment in segments {
      try forEachTile(of: segment, keyHead: keyHead, layer, rule) { tile in
        try backward(tile, layer, cotangent: cotangent, into: gradient)
        turnBackQueries(tile, rule.rotary, into: gradient)
      }
    }
    // A prompt's keys also receive gradients from its responses.
    for segment in segments { turnBackKeys(segment, keyHead: keyHead, rule.rotary, gradient) }
  }

  /// Clears the gradients of keys and values, which are accumulated.
  private func clearKeys(
    _ segment: TokenBatch.Segment, keyHead: Int, _ gradient: UnsafeMutablePointer<Float>
  ) {
    let size = architecture.headSize
    for row in segment.rows {
      let keys = gradient + row * architecture.attentionSize + architecture.querySize + keyHead * size
      keys.update(repeating: 0, count: size)
      (keys + architecture.keyValueSize).update(repeating: 0, count: size)
    }
  }

  private func backward(
    _ tile: Tile, _ layer: Activations.Layer, cotangent: UnsafeMutablePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>
  ) throws {
    let width = architecture.attentionSize, size = architecture.headSize
    try makeScores(tile)
    forEachHead(of: tile) { row, offset in
      (tileOutput + row * size).update(from: cotangent + offset, count: size)
    }
    try forEachKeyRange(of: tile) { keys in
      try MatrixProducts.run(
        tileMatrix(tileOutput).factor, keys.values.transposed, into: scoreMatrix(scoreGradients, tile, keys),
        rows: tile.rowCount,
        columns: keys.count, inner: size)
    }
    softmaxGradient(tile, attended: layer.attended)
    try forEachKeyRange(of: tile) { keys in
      let keyGradient = Matrix(gradient + (keys.keys.start - layer.queryKeyValue), stride: width)
      let valueGradient = Matrix(gradient + (keys.values.start - layer.queryKeyValue), stride: width)
      try MatrixProducts.run(
        scoreMatrix(scores, tile, keys).transposed, tileMatrix(tileOutput).factor, into: valueGradient,
        rows: keys.count, columns: size, inner: tile.rowCount, adding: true)
      try MatrixProducts.run(
        scoreMatrix(scoreGradients, tile, keys).transposed, tile.queries.factor, into: keyGradient, rows: keys.count,
        columns: size, inner: tile.rowCount, adding: true)
      try MatrixProducts.run(
        scoreMatrix(scoreGradients, tile, keys).factor, keys.keys.factor, into: tileMatrix(tileQueryGradient),
        rows: tile.rowCount,
        columns: size, inner: keys.count, adding: keys.isContinued)
    }
  }

  private func turnBackQueries(_ tile: Tile, _ rotary: Rotary, into gradient: UnsafeMutablePointer<Float>) {
    let size = architecture.headSize
    for place in tile.first..<tile.end {
      let row = tile.segment.rows.lowerBound + place
      rotary.rotate(
        tileQueryGradient + (place - tile.first) * tile.group * size,
        into: gradient + row * architecture.attentionSize + tile.keyHead * tile.group * size, heads: tile.group,
        outputStride: size, inputStride: size, position: tile.segment.prefix.count + place, inverse: true)
    }
  }

  private func turnBackKeys(
    _ segment: TokenBatch.Segment, keyHead: Int, _ rotary: Rotary, _ gradient: UnsafeMutablePointer<Float>
  ) {
    let size = architecture.headSize
    for (place, row) in segment.rows.enumerated() {
      let keys = gradient + row * architecture.attentionSize + architecture.querySize + keyHead * size
      rotary.rotate(
        keys, into: keys, heads: 1, outputStride: size, inputStride: size, position: segment.prefix.count + place,
        inverse: true)
    }
  }

  private func rotate(_ segment: TokenBatch.Segment, keyHead: Int, _ layer: Activations.Layer, _ rotary: Rotary) {
    let size = architecture.headSize, group = architecture.groupSize
    let queries = layer.queries + segment.rows.lowerBound * architecture.querySize
    for (place, row) in segment.rows.enumerated() {
      let source = layer.queryKeyValue + row * architecture.attentionSize
      let position = segment.prefix.count + place
      rotary.rotate(
        source + keyHead * group * size, into: queries + (keyHead * segment.rows.count + place) * group * size,
        heads: group, outputStride: size, inputStride: size, position: position)
      let keys = source + architecture.querySize + keyHead * size
      rotary.rotate(keys, into: keys, heads: 1, outputStride: size, inputStride: size, position: position)
    }
  }

  private func makeScores(_ tile: Tile) throws {
    try forEachKeyRange(of: tile) { keys in
      try MatrixProducts.run(
        tile.queries.factor, keys.keys.transposed, into: scoreMatrix(scores, tile, keys), rows: tile.rowCount,
        columns: keys.count,
        inner: architecture.headSize, scale: tile.rule.scale)
    }
    guard let cap = tile.rule.cap else { return }
    for row in 0..<tile.rowCount {
      let visible = tile.visibleKeys(of: row)
      RowKernels.best.cap(scores + row * tile.stride + visible.lowerBound, cap, visible.count)
    }
  }

  private func tileMatrix(_ start: UnsafeMutablePointer<Float>) -> Matrix {
    Matrix(start, stride: architecture.headSize)
  }

  /// Calls `body` with each row of a tile and the offset of its head in the outputs of the batch's tokens.
  @inline(__always)
  private func forEachHead(of tile: Tile, _ body: (_ row: Int, _ offset: Int) -> Void) {
    for row in 0..<tile.rowCount {
      let token = tile.segment.rows.lowerBound + tile.first + row / tile.group
      let head = tile.keyHead * tile.group + row % tile.group
      body(row, token * architecture.querySize + head * architecture.headSize)
    }
  }

  /// The columns of a tile's scores for a range of keys.
  private func scoreMatrix(_ start: UnsafeMutablePointer<Float>, _ tile: Tile, _ keys: KeyRange) -> Matrix {
    Matrix(start + keys.column, stride: tile.stride)
  }

  private func forEachTile(
    of segment: TokenBatch.Segment, keyHead: Int, _ layer: Activations.Layer, _ rule: AttentionRule,
    _ body: (Tile) throws -> Void
  ) throws {
    for first in stride(from: 0, to: segment.rows.count, by: Self.tileLength) {
      try body(Tile(segment, layer, rule, keyHead: keyHead, first: first, architecture))
    }
  }

  /// Calls `body` with each contiguous range of the keys and values that the tile sees: those of the prompt, then those of the segment up
  /// to the tile's end.
  private func forEachKeyRange(of tile: Tile, _ body: (KeyRange) throws -> Void) rethrows {
    let prefix = tile.segment.prefix, first = tile.firstKey
    if first < prefix.count {
      try body(keyRange(tile, prefix.dropFirst(first), column: first))
    }
    let rows = tile.segment.rows.prefix(tile.end), start = max(first, prefix.count)
    try body(keyRange(tile, rows.dropFirst(start - prefix.count), column: start))
  }

  private func keyRange(_ tile: Tile, _ rows: Range<Int>, column: Int) -> KeyRange {
    let width = architecture.attentionSize
    let keys = Matrix(tile.keys + rows.lowerBound * width, stride: width)
    return KeyRange(
      keys: keys, values: Matrix(keys.start + architecture.keyValueSize, stride: width), count: rows.count,
      column: column, isContinued: column > tile.firstKey)
  }

  /// Converts scores to probabilities, 0 for keys that a position does not see, and stores their log-sum-exp.
  private func softmax(_ tile: Tile) {
    let kernels = RowKernels.best
    for row in 0..<tile.rowCount {
      let visible = tile.visibleKeys(of: row), row = (index: row, scores: scores + row * tile.stride)
      clear(row.scores, tile.firstKey..<visible.lowerBound)
      tile.logSumExp[row.index] = kernels.softmax(
        row.scores + visible.lowerBound, visible.count, tile.stride - visible.lowerBound)
    }
  }

  /// Converts scores to probabilities P, and the gradients dP of probabilities to those of scores before scale and cap, P · (dP − Σ dO · O),
  /// times the scale and the cap's slope.
  private func softmaxGradient(_ tile: Tile, attended: UnsafeMutablePointer<Float>) {
    let kernels = RowKernels.best
    let size = architecture.headSize
    forEachHead(of: tile) { row, offset in
      let visible = tile.visibleKeys(of: row), start = visible.lowerBound
      let scores = scores + row * tile.stride, gradients = scoreGradients + row * tile.stride
      clear(scores, tile.firstKey..<start)
      clear(gradients, tile.firstKey..<start)
      if tile.rule.cap != nil { cappedScores.update(from: scores + start, count: visible.count) }
      kernels.softmax_gradient(
        scores + start, gradients + start, visible.count, tile.stride - start,
        tile.logSumExp[row], kernels.dot(tileOutput + row * size, attended + offset, size), tile.rule.scale)
      if let cap = tile.rule.cap { kernels.cap_gradient(cappedScores, gradients + start, cap, visible.count) }
    }
  }

  private func clear(_ values: UnsafeMutablePointer<Float>, _ range: Range<Int>) {
    (values + range.lowerBound).update(repeating: 0, count: range.count)
  }

  static func padded(_ count: Int) -> Int { (count + 7) & ~7 }
}
