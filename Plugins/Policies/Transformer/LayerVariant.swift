/// What the layers of a model family compute differently from Llama's; the defaults are Llama's.
struct LayerVariant: Sendable, Equatable {
  /// The norms of the attention and of the feed-forward block.
  enum NormPlacement: Sendable {
    /// x + f(norm(x))
    case before
    /// x + norm(f(x))
    case after
    /// x + norm(f(norm(x)))
    case around
  }

  /// What a norm of queries and keys covers.
  enum QueryKeyNorm: Sendable { case head, all }

  /// The function of the gates.
  enum Activation: Sendable { case silu, geluTanh }

  var hasQueryKeyValueBias = false
  var hasAttentionOutputBias = false
  var hasFeedForwardBias = false
  var queryKeyNorm: QueryKeyNorm?
  var normPlacement = NormPlacement.before
  /// Added to the weights of all norms.
  var normOffset: Float = 0
  var activation = Activation.silu
  /// Factors on the embedding, on what a block adds to the residual stream, and on the logits.
  var embeddingScale: Float = 1, residualScale: Float = 1, logitScale: Float = 1
  /// The factor on attention scores, if it is not 1 / √(head size).
  var scoreScale: Float?
  /// The limits c of the soft caps c · tanh(x / c) on attention scores and on logits.
  var scoreCap: Float?, logitCap: Float?
  /// The number of keys that a query of each layer sees, its own included; 0 for all. Empty if all layers see all keys.
  var windows: [Int] = []
  /// The rotary frequencies of each layer; empty if all have those of `rope_theta`.
  var frequencies: [RotaryFrequencies] = []
  /// Whether queries, keys and values are one tensor in files, as are gates and ups.
  var isPacked = false
}
