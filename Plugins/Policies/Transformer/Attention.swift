#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Causal grouped-query attention over one sequence.
///
/// The query heads that share a key head are rows of one matrix, position by position, so that their scores are one product.
/// Scores are made tile by tile and not kept; the backward pass makes them again from their log-sum-exp.
struct Attention {
  /// Positions whose scores are in memory at once.
  static let tileLength = 64

  let architecture: Architecture
  /// The scores of a tile and their gradients, [tile · group, length] each.
  let scores, scoreGradients: UnsafeMutablePointer<Float>
  /// Outputs, or their gradients, of a tile, [tile · group, head size].
  let tileOutput, tileQueryGradient: UnsafeMutablePointer<Float>

  /// The floats of each of the four arrays, for sequences up to `length`.
  static func workspaceSizes(_ architecture: Architecture, length: Int) -> [Int] {
    let rows = min(tileLength, length) * architecture.groupSize
    let scores = rows * padded(length), outputs = rows * architecture.headSize
    return [scores, scores, outputs, outputs]
  }

  init(_ architecture: Architecture, _ carver: inout Carver, sizes: [Int]) {
    self.architecture = architecture
    scores = carver.take(sizes[0])
    scoreGradients = carver.take(sizes[1])
    tileOutput = carver.take(sizes[2])
    tileQueryGradient = carver.take(sizes[3])
  }

  /// One sequence of a layer: what the forward pass made of it, where it begins.
  struct Sequence {
    /// Queries, keys and values of the first token; the keys are rotated already.
    let queryKeyValue: UnsafeMutablePointer<Float>
    /// Rotated queries: key head by key head, then position by position, then query head by query head.
    let queries: UnsafeMutablePointer<Float>
    /// The outputs of the heads, token by token.
    let attended: UnsafeMutablePointer<Float>
    /// The log of the sum of the exponentials of each position's scores, in the order of the queries.
    let logSumExp: UnsafeMutablePointer<Float>
    let length: Int
  }

  /// Rotates queries and keys and writes what each head reads off the values.
  func forward(_ sequence: Sequence, rotary: Rotary) throws {
    rotate(sequence, rotary)
    for keyHead in 0..<architecture.keyValueHeadCount {
      for first in stride(from: 0, to: sequence.length, by: Self.tileLength) {
        let tile = Tile(sequence, keyHead: keyHead, first: first, architecture)
        try makeScores(tile)
        softmax(tile)
        try MatrixProduct.rowsByColumns(
          Matrix(scores, stride: tile.stride), tile.values, into: tileMatrix(tileOutput), rows: tile.rowCount,
          columns: architecture.headSize, inner: tile.end)
        forEachHead(of: tile) { row, offset in
          (sequence.attended + offset).update(
            from: tileOutput + row * architecture.headSize, count: architecture.headSize)
        }
      }
    }
  }

  /// Writes the gradients of queries, keys and values, before rotation, from `cotangent`, the gradient of the outputs.
  func backward(
    _ sequence: Sequence, rotary: Rotary, cotangent: UnsafeMutablePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>
  ) throws {
    let width = architecture.attentionSize, size = architecture.headSize
    gradient.update(repeating: 0, count: sequence.length * width)
    for keyHead in 0..<architecture.keyValueHeadCount {
      let keyOffset = architecture.hiddenSize + keyHead * size
      let keyGradient = Matrix(gradient + keyOffset, stride: width)
      let valueGradient = Matrix(gradient + keyOffset + architecture.keyValueSize, stride: width)
      for first in stride(from: 0, to: sequence.length, by: Self.tileLength) {
        let tile = Tile(sequence, keyHead: keyHead, first: first, architecture)
        try makeScores(tile)
        forEachHead(of: tile) { row, offset in
          (tileOutput + row * size).update(from: cotangent + offset, count: size)
        }
        try MatrixProduct.rowsByRows(
          tileMatrix(tileOutput), tile.values, into: Matrix(scoreGradients, stride: tile.stride), rows: tile.rowCount,
          columns: tile.end, inner: size)
        softmaxGradient(tile, attended: sequence.attended)
        try MatrixProduct.addColumnsByColumns(
          Matrix(scores, stride: tile.stride), tileMatrix(tileOutput), into: valueGradient, rows: tile.end,
          columns: size, inner: tile.rowCount)
        try MatrixProduct.addColumnsByColumns(
          Matrix(scoreGradients, stride: tile.stride), tile.queries, into: keyGradient, rows: tile.end, columns: size,
          inner: tile.rowCount)
        try MatrixProduct.rowsByColumns(
          Matrix(scoreGradients, stride: tile.stride), tile.keys, into: tileMatrix(tileQueryGradient),
          rows: tile.rowCount, columns: size, inner: tile.end)
        for position in first..<tile.end {
          rotary.rotate(
            tileQueryGradient + (position - first) * tile.group * size,
            into: gradient + position * width + keyHead * tile.group * size, heads: tile.group, outputStride: size,
            inputStride: size, position: position, inverse: true)
        }
      }
    }
    for position in 0..<sequence.length {
      let keys = gradient + position * width + architecture.hiddenSize
      rotary.rotate(
        keys, into: keys, heads: architecture.keyValueHeadCount, outputStride: size, inputStride: size,
        position: position, inverse: true)
    }
  }

  private func rotate(_ sequence: Sequence, _ rotary: Rotary) {
    let size = architecture.headSize, group = architecture.groupSize
    for position in 0..<sequence.length {
      let row = sequence.queryKeyValue + position * architecture.attentionSize
      for keyHead in 0..<architecture.keyValueHeadCount {
        rotary.rotate(
          row + keyHead * group * size,
          into: sequence.queries + (keyHead * sequence.length + position) * group * size, heads: group,
          outputStride: size, inputStride: size, position: position)
      }
      let keys = row + architecture.hiddenSize
      rotary.rotate(
        keys, into: keys, heads: architecture.keyValueHeadCount, outputStride: size, inputStride: size,
        position: position)
    }
  }

  private func makeScores(_ tile: Tile) throws {
    try MatrixProduct.rowsByRows(
      tile.queries, tile.keys, into: Matrix(scores, stride: tile.stride), rows: tile.rowCount, columns: tile.end,
      inner: architecture.headSize, scale: 1 / Float(architecture.headSize).squareRoot())
  }

  private func tileMatrix(_ start: UnsafeMutablePointer<Float>) -> Matrix {
    Matrix(start, stride: architecture.headSize)
  }

  /// Calls `body` with each row of a tile and where its head begins in the tokens' outputs.
  @inline(__always)
  private func forEachHead(of tile: Tile, _ body: (_ row: Int, _ offset: Int) -> Void) {
    for row in 0..<tile.rowCount {
      let position = tile.first + row / tile.group
      let head = tile.keyHead * tile.group + row % tile.group
      body(row, position * architecture.hiddenSize + head * architecture.headSize)
    }
  }

  /// Turns scores into probabilities, 0 for later positions, and keeps their log-sum-exp.
  private func softmax(_ tile: Tile) {
    for row in 0..<tile.rowCount {
      let x = scores + row * tile.stride
      let width = mask(x, row: row, tile)
      var maxima = Vector(repeating: -.infinity)
      for index in stride(from: 0, to: width, by: 8) { maxima = larger(maxima, Vector(from: x + index)) }
      let maximum = maxima.max()
      var sums = Vector(repeating: 0)
      for index in stride(from: 0, to: width, by: 8) {
        let value = exponential(Vector(from: x + index) - maximum)
        value.store(to: x + index)
        sums += value
      }
      let sum = sums.sum()
      let inverse = 1 / sum
      for index in stride(from: 0, to: width, by: 8) { (Vector(from: x + index) * inverse).store(to: x + index) }
      tile.logSumExp[row] = maximum + log(sum)
    }
  }

  /// Turns scores into probabilities P, and the gradients dP of probabilities into those of unscaled scores,
  /// P · (dP − Σ dO · O) / √size.
  private func softmaxGradient(_ tile: Tile, attended: UnsafeMutablePointer<Float>) {
    let scale = 1 / Float(architecture.headSize).squareRoot()
    forEachHead(of: tile) { row, offset in
      let x = scores + row * tile.stride, dx = scoreGradients + row * tile.stride
      let width = mask(x, row: row, tile)
      dx.advanced(by: width).update(repeating: 0, count: tile.stride - width)
      let mean = dotProduct(
        tileOutput + row * architecture.headSize, attended + offset, count: architecture.headSize)
      let logSumExp = tile.logSumExp[row]
      for index in stride(from: 0, to: width, by: 8) {
        let probability = exponential(Vector(from: x + index) - logSumExp)
        probability.store(to: x + index)
        // A masked place has probability 0, and whatever stands there (the padding was never written) must not count.
        let slope = probability * (Vector(from: dx + index) - mean) * scale
        slope.replacing(with: 0, where: probability .== 0).store(to: dx + index)
      }
    }
  }

  /// Masks the later positions of a row with −∞ up to the next whole vector and with 0 beyond it; returns where that is.
  @inline(__always)
  private func mask(_ x: UnsafeMutablePointer<Float>, row: Int, _ tile: Tile) -> Int {
    let valid = tile.first + row / tile.group + 1
    let width = Self.padded(valid)
    for index in valid..<width { x[index] = -.infinity }
    x.advanced(by: width).update(repeating: 0, count: tile.stride - width)
    return width
  }

  fileprivate static func padded(_ count: Int) -> Int { (count + 7) & ~7 }

  /// Some positions of a sequence, for the query heads of one key head.
  private struct Tile {
    let keyHead, group, first, end, rowCount: Int
    /// How far apart the rows of scores are, in floats.
    let stride: Int
    let queries, keys, values: Matrix
    let logSumExp: UnsafeMutablePointer<Float>

    init(_ sequence: Sequence, keyHead: Int, first: Int, _ architecture: Architecture) {
      let size = architecture.headSize, width = architecture.attentionSize
      self.keyHead = keyHead
      self.first = first
      group = architecture.groupSize
      end = min(first + Attention.tileLength, sequence.length)
      rowCount = (end - first) * group
      stride = Attention.padded(end)
      let row = (keyHead * sequence.length + first) * group
      queries = Matrix(sequence.queries + row * size, stride: size)
      keys = Matrix(sequence.queryKeyValue + architecture.hiddenSize + keyHead * size, stride: width)
      values = Matrix(keys.start + architecture.keyValueSize, stride: width)
      logSumExp = sequence.logSumExp + row
    }
  }
}
