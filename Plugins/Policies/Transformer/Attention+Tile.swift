import LossKitHead

extension Attention {
  /// Keys and values of one head that stand together.
  struct KeyRange {
    let keys, values: Matrix
    let count: Int
    /// The column of a tile's scores at which they begin.
    let column: Int

    /// Whether other keys came before.
    var isContinued: Bool { column > 0 }
  }

  /// Some positions of a segment, for the query heads of one key head.
  struct Tile {
    let segment: TokenBatch.Segment
    /// The positions within the segment.
    let first, end: Int
    let keyHead, group, rowCount: Int
    /// How far apart the rows of scores are, in floats.
    let stride: Int
    let queries: Matrix
    /// The key head's keys of the batch's first token.
    let keys, logSumExp: UnsafeMutablePointer<Float>

    init(
      _ segment: TokenBatch.Segment, _ layer: Activations.Layer, keyHead: Int, first: Int, _ architecture: Architecture
    ) {
      self.segment = segment
      self.keyHead = keyHead
      self.first = first
      group = architecture.groupSize
      end = min(first + Attention.tileLength, segment.rows.count)
      rowCount = (end - first) * group
      stride = Attention.padded(segment.prefix.count + end)
      let start = segment.rows.lowerBound
      let row = (keyHead * segment.rows.count + first) * group
      queries = Matrix(
        layer.queries + start * architecture.hiddenSize + row * architecture.headSize, stride: architecture.headSize)
      keys = layer.queryKeyValue + architecture.hiddenSize + keyHead * architecture.headSize
      logSumExp = layer.logSumExp + start * architecture.headCount + row
    }

    /// How many keys a row of scores may see: those of the prompt, and of the segment up to its own position.
    func keyCount(of row: Int) -> Int { segment.prefix.count + first + row / group + 1 }
  }
}
