import LossKitHead

extension Attention {
  /// A contiguous range of keys and values of one head.
  struct KeyRange {
    let keys, values: Matrix
    let count: Int
    /// The first column of the range in a tile's scores.
    let column: Int

    /// Whether other keys precede the range.
    var isContinued: Bool { column > 0 }
  }

  /// A range of positions of a segment, for the query heads of one key head.
  struct Tile {
    let segment: TokenBatch.Segment
    /// The positions within the segment.
    let first, end: Int
    let keyHead, group, rowCount: Int
    /// The stride between rows of scores, in floats.
    let stride: Int
    let queries: Matrix
    /// The keys of the key head, starting at the batch's first token.
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

    /// The number of keys that a row of scores may attend to: those of the prompt, and those of the segment up to the row's position.
    func keyCount(of row: Int) -> Int { segment.prefix.count + first + row / group + 1 }
  }
}
