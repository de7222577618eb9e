/// What a forward pass does for the attention of its layers.
protocol AttentionPass {
  /// Rotates queries and keys and writes each head's outputs to `activations.attended`.
  func forward(
    _ batch: TokenBatch, layer: Int, _ activations: Activations.Layer, _ rule: AttentionRule, _ team: AttentionTeam)
    throws
}

/// Attention within the batch alone.
struct BatchAttention: AttentionPass {
  func forward(
    _ batch: TokenBatch, layer: Int, _ activations: Activations.Layer, _ rule: AttentionRule, _ team: AttentionTeam
  ) throws {
    try team.forward(batch.segments, activations, rule: rule)
  }
}

/// Attention within the batch, whose segments are prompts; their keys and values are kept.
struct PrefillAttention: AttentionPass {
  let architecture: Architecture
  /// One per segment, with room for its tokens.
  let caches: [KeyValueCache]

  func forward(
    _ batch: TokenBatch, layer: Int, _ activations: Activations.Layer, _ rule: AttentionRule, _ team: AttentionTeam
  ) throws {
    try team.forward(batch.segments, activations, rule: rule)
    for (segment, cache) in zip(batch.segments, caches) {
      for (place, row) in segment.rows.enumerated() {
        cache.row(place, layer: layer).update(
          from: activations.queryKeyValue + row * architecture.attentionSize + architecture.querySize,
          count: cache.width)
      }
    }
  }
}
