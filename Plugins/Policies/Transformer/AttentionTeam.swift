import LossKitHead

/// Multithreaded attention over a batch; each thread has its own memory. The unit of work is one key head of a prompt and its responses,
/// which shares no gradient with other units.
struct AttentionTeam {
  /// The number of multiplications that justifies another thread.
  private static let fewestMultiplications = 1 << 17

  /// The memory of each thread.
  let members: [Attention]

  /// Rotates queries and keys and writes each head's outputs.
  func forward(_ segments: [TokenBatch.Segment], _ layer: Activations.Layer, rule: AttentionRule) throws {
    try forEachKeyHead(of: segments) { attention, segments, keyHead in
      try attention.forward(segments, keyHead: keyHead, layer, rule: rule)
    }
  }

  /// Writes the gradients of queries, keys and values, before rotation, given `cotangent`, the gradient of the outputs.
  func backward(
    _ segments: [TokenBatch.Segment], _ layer: Activations.Layer, rule: AttentionRule,
    cotangent: UnsafeMutablePointer<Float>, into gradient: UnsafeMutablePointer<Float>
  ) throws {
    try forEachKeyHead(of: segments) { attention, segments, keyHead in
      try attention.backward(
        segments, keyHead: keyHead, layer, rule: rule, cotangent: cotangent, into: gradient)
    }
  }

  private func forEachKeyHead(
    of segments: [TokenBatch.Segment],
    _ body: (Attention, ArraySlice<TokenBatch.Segment>, _ keyHead: Int) throws -> Void
  ) throws {
    guard let heads = members.first?.architecture.keyValueHeadCount else { return }
    // A prompt is the segment without a prefix.
    let starts = segments.indices.filter { segments[$0].prefix.isEmpty } + [segments.count]
    let tasks = (starts.count - 1) * heads
    let scores = segments.reduce(0) { $0 + $1.rows.count * $1.reach }
    let perTask = scores * members[0].architecture.querySize / max(1, tasks)
    try Team.run(
      tasks, fewest: Self.fewestMultiplications / max(1, perTask) + 1,
      throwing: { member, range in
        for task in range {
          let prompt = task / heads
          try body(members[member], segments[starts[prompt]..<starts[prompt + 1]], task % heads)
        }
      })
  }
}
