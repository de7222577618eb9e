import LossKitHead

extension Attention {
  /// A contiguous range of keys and values of one head.
  struct KeyRange {
    let keys, values: Matrix
    let count: Int
    /// The first column of the range in a tile's scores.
    let column: Int
    /// Whether the tile sees other keys before the range.
    let isContinued: Bool
  }

  /// A range of positions of a segment, for the query heads of one key head.
  struct Tile {
    let segment: TokenBatch.Segment
    let rule: AttentionRule
    /// The positions within the segment.
    let first, end: Int
    let keyHead, group, rowCount: Int
    /// The stride between rows of scores, in floats.
    let stride: Int
    let queries: Matrix
    /// The keys of the key head, starting at the batch's first token.
    let keys, logSumExp: UnsafeMutablePointer<Float>

    init(
      _ segment: TokenBatch.Segment, _ layer: Activations.Layer, _ rule: AttentionRule, keyHead: Int, first: Int,
      _ architecture: Architecture
    ) {
      self.segment = segment
      self.rule = rule
      self.keyHead = keyHead
      self.first = first
      group = architecture.groupSize
      end = min(first + Attention.tileLength, segment.rows.count)
      rowCount = (end - first) * group
      stride = Attention.padded(segment.prefix.count + end)
      let start = segment.rows.lowerBound
      let row = (keyHead * segment.rows.count + first) * group
      queries = Matrix(
        layer.queries + start * architecture.querySize + row * architecture.headSize, stride: architecture.headSize)
      keys = layer.queryKeyValue + architecture.querySize + keyHead * architecture.headSize
      logSumExp = layer.logSumExp + start * architecture.headCount + row
    }

    /// The first key that any row sees.
    var firstKey: Int { rule.hiddenKeys(before: segment.prefix.count + first) }

    /// The keys that a row of scores sees, counted from the prompt's first: those up to the row's position, within the window.
    func visibleKeys(of row: Int) -> Range<Int> {
      let position = segment.prefix.count + first + row / group
      return rule.hiddenKeys(before: position)..<position + 1
    }
  }
}
