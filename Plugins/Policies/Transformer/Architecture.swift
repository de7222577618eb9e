import LossKit

/// The sizes of a decoder-only transformer, named as in Hugging Face's `LlamaConfig`, and how its layers differ from Llama's.
struct Architecture: Sendable, Equatable {
  var vocabularySize = Token.count
  var hiddenSize = 128
  var intermediateSize = 344
  var layerCount = 4
  var headCount = 4
  var keyValueHeadCount = 2
  var contextLength = 256
  var ropeTheta = 10000.0
  var normEpsilon = 1e-5
  var isTied = true
  /// The head size if it is not `hiddenSize` / `headCount`.
  var ownHeadSize: Int?
  var variant = LayerVariant()

  /// The number of floats in a query, key or value of one head.
  var headSize: Int { ownHeadSize ?? hiddenSize / headCount }
  /// The number of floats in the queries of one token.
  var querySize: Int { headCount * headSize }
  /// The number of query heads that share one key and value head.
  var groupSize: Int { headCount / keyValueHeadCount }
  /// The number of floats in the keys (or the values) of one token.
  var keyValueSize: Int { keyValueHeadCount * headSize }
  /// The number of floats in the query, keys and values of one token.
  var attentionSize: Int { querySize + 2 * keyValueSize }

  /// Whether what a block computes is added to the residual stream as it is, neither scaled nor normed.
  var addsDirectly: Bool { variant.residualScale == 1 && variant.normPlacement == .before }

  /// What the attention of a layer computes.
  func attentionRule(ofLayer index: Int) -> AttentionRule {
    let frequencies =
      variant.frequencies.isEmpty
      ? RotaryFrequencies(theta: ropeTheta, dimension: headSize) : variant.frequencies[index]
    return AttentionRule(
      rotary: Rotary(frequencies, headSize: headSize), window: variant.windows.isEmpty ? 0 : variant.windows[index],
      scale: variant.scoreScale ?? 1 / Float(headSize).squareRoot(), cap: variant.scoreCap)
  }

  /// Throws if the sizes are inconsistent.
  func validate() throws {
    func check(_ holds: Bool, _ problem: String) throws {
      if !holds { throw Failure(problem) }
    }
    try check(
      ownHeadSize != nil || hiddenSize % headCount == 0,
      "hidden_size \(hiddenSize) is not a multiple of num_attention_heads \(headCount)")
    try check(
      headSize % 2 == 0,
      ownHeadSize == nil
        ? "hidden_size / num_attention_heads is \(headSize); rotary positions need an even number of values per head"
        : "head_dim is \(headSize); rotary positions need an even number of values per head")
    try check(
      headCount % keyValueHeadCount == 0,
      "num_attention_heads \(headCount) is not a multiple of num_key_value_heads \(keyValueHeadCount)")
  }
}
