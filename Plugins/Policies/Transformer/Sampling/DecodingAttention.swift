import CLossKitRows
import LossKitHead

/// Attention of one new token of each sequence to the tokens before it, whose keys and values are cached.
///
/// The keys of a prompt are multiplied with the queries of all its sequences at once.
struct DecodingAttention: AttentionPass {
  /// Sequences that continue one prompt, each with one new token.
  struct Group {
    let prompt: KeyValueCache
    /// The tokens after the prompt, with room for the new one.
    let continuations: [KeyValueCache]
    /// The rows of the new tokens in the batch.
    let rows: Range<Int>
  }

  private let architecture: Architecture
  private let groups: [Group]
  /// The scores of a group for one key head, [sequences · group size, keys], and outputs, [sequences · group size, head size], one pair
  /// per thread.
  private let scores, outputs: [UnsafeMutablePointer<Float>]

  /// The number of multiplications that justifies another thread.
  private static let fewestMultiplications = 1 << 15

  /// Attention of groups; `memory` is used until the pass ends.
  init(_ architecture: Architecture, _ groups: [Group], memory: FloatBuffer) throws {
    self.architecture = architecture
    self.groups = groups
    let rows = groups.reduce(0) { max($0, $1.rows.count) } * architecture.groupSize
    let keys = groups.reduce(0) { max($0, Self.keyCount($1)) }
    let sizes = [rows * Attention.padded(keys), rows * architecture.headSize], members = Team.size
    try memory.reserve(Carver.size(of: sizes) * members)
    var carver = Carver(memory)
    let arrays = (0..<members).map { _ in (carver.take(sizes[0]), carver.take(sizes[1])) }
    scores = arrays.map(\.0)
    outputs = arrays.map(\.1)
  }

  /// The largest number of keys of a group's sequences, the new ones included.
  private static func keyCount(_ group: Group) -> Int {
    group.prompt.count + 1 + group.continuations.reduce(0) { max($0, $1.count) }
  }

  func forward(
    _ batch: TokenBatch, layer: Int, _ activations: Activations.Layer, _ rule: AttentionRule, _ team: AttentionTeam
  ) throws {
    let heads = architecture.keyValueHeadCount, tasks = groups.count * heads
    let work = groups.reduce(0) { $0 + $1.rows.count * Self.keyCount($1) } * architecture.querySize / max(1, tasks)
    try Team.run(
      tasks, fewest: Self.fewestMultiplications / max(1, work) + 1,
      throwing: { member, range in
        for task in range {
          let head = Head(
            group: groups[task / heads], keyHead: task % heads, layer: layer, rule: rule, activations: activations,
            scores: scores[member], outputs: outputs[member])
          rotate(head)
          try attend(head)
        }
      })
  }

  /// A key head of a group's sequences in one layer, and the memory for its scores and outputs.
  private struct Head {
    let group: Group
    let keyHead, layer: Int
    let rule: AttentionRule
    let activations: Activations.Layer
    let scores, outputs: UnsafeMutablePointer<Float>
  }

  /// Rotates the queries and the new keys, and adds keys and values to the caches.
  private func rotate(_ head: Head) {
    let size = architecture.headSize, group = architecture.groupSize, keyHead = head.keyHead
    for (index, row) in head.group.rows.enumerated() {
      let source = head.activations.queryKeyValue + row * architecture.attentionSize
      let continuation = head.group.continuations[index]
      let position = head.group.prompt.count + continuation.count
      head.rule.rotary.rotate(
        source + keyHead * group * size, into: queries(head) + index * group * size, heads: group, outputStride: size,
        inputStride: size, position: position)
      let keys = source + architecture.querySize + keyHead * size
      let kept = continuation.row(continuation.count, layer: head.layer) + keyHead * size
      head.rule.rotary.rotate(keys, into: kept, heads: 1, outputStride: size, inputStride: size, position: position)
      (kept + architecture.keyValueSize).update(from: keys + architecture.keyValueSize, count: size)
    }
  }

  private func attend(_ head: Head) throws {
    let size = architecture.headSize, group = architecture.groupSize, prompt = head.group.prompt
    let sequences = head.group.continuations, stride = Attention.padded(Self.keyCount(head.group))
    let rule = head.rule, rows = sequences.count * group
    // The oldest sequence sees no key of the prompt that the others do not see.
    let shortest = sequences.reduce(Int.max) { min($0, $1.count) }
    let first = min(prompt.count, rule.hiddenKeys(before: prompt.count + shortest))
    let promptKeys = keys(prompt, from: first, head)
    if first < prompt.count {
      try MatrixProducts.run(
        Factor(queries(head), stride: size), promptKeys.transposed, into: Matrix(head.scores + first, stride: stride),
        rows: rows, columns: prompt.count - first, inner: size, scale: rule.scale)
    }
    for (index, sequence) in sequences.enumerated() {
      let scores = head.scores + index * group * stride, visible = visibleKeys(index, head)
      let own = max(0, visible.lowerBound - prompt.count)
      try MatrixProducts.run(
        Factor(queries(head) + index * group * size, stride: size), keys(sequence, from: own, head).transposed,
        into: Matrix(scores + prompt.count + own, stride: stride), rows: group, columns: sequence.count + 1 - own,
        inner: size, scale: rule.scale)
      for row in 0..<group { softmax(scores + row * stride, visible, from: first, to: stride, rule) }
    }
    if first < prompt.count {
      try MatrixProducts.run(
        Factor(head.scores + first, stride: stride), values(promptKeys).factor,
        into: Matrix(head.outputs, stride: size),
        rows: rows, columns: size, inner: prompt.count - first)
    }
    for (index, sequence) in sequences.enumerated() {
      let own = max(0, visibleKeys(index, head).lowerBound - prompt.count),
        outputs = head.outputs + index * group * size
      try MatrixProducts.run(
        Factor(head.scores + index * group * stride + prompt.count + own, stride: stride),
        values(keys(sequence, from: own, head)).factor, into: Matrix(outputs, stride: size), rows: group, columns: size,
        inner: sequence.count + 1 - own, adding: first < prompt.count)
      let row = head.group.rows.lowerBound + index
      (head.activations.attended + row * architecture.querySize + head.keyHead * group * size).update(
        from: outputs, count: group * size)
    }
  }

  /// Turns scores into probabilities, 0 for keys that are not visible.
  private func softmax(
    _ scores: UnsafeMutablePointer<Float>, _ visible: Range<Int>, from first: Int, to end: Int, _ rule: AttentionRule
  ) {
    if let cap = rule.cap { RowKernels.best.cap(scores + visible.lowerBound, cap, visible.count) }
    if first < visible.lowerBound { (scores + first).update(repeating: 0, count: visible.lowerBound - first) }
    _ = RowKernels.best.softmax(scores + visible.lowerBound, visible.count, end - visible.lowerBound)
  }

  /// The keys that the new token of a sequence sees, counted from the prompt's first.
  private func visibleKeys(_ index: Int, _ head: Head) -> Range<Int> {
    let position = head.group.prompt.count + head.group.continuations[index].count
    return head.rule.hiddenKeys(before: position)..<position + 1
  }

  /// The rotated queries of a head, [sequences · group size, head size].
  private func queries(_ head: Head) -> UnsafeMutablePointer<Float> {
    let rows = head.group.rows
    return head.activations.queries + rows.lowerBound * architecture.querySize
      + head.keyHead * rows.count * architecture.groupSize * architecture.headSize
  }

  /// A head's keys in a cache from a position on.
  private func keys(_ cache: KeyValueCache, from position: Int, _ head: Head) -> Matrix {
    Matrix(cache.row(position, layer: head.layer) + head.keyHead * architecture.headSize, stride: cache.width)
  }

  /// The values that belong to keys.
  private func values(_ keys: Matrix) -> Matrix { Matrix(keys.start + architecture.keyValueSize, stride: keys.stride) }
}
