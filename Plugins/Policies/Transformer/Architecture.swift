import LossKit

/// The sizes of a Llama-architecture model, named as in Hugging Face's `LlamaConfig`.
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

  /// The number of floats in a query, key or value of one head.
  var headSize: Int { hiddenSize / headCount }
  /// The number of query heads that share one key and value head.
  var groupSize: Int { headCount / keyValueHeadCount }
  /// The number of floats in the keys (or the values) of one token.
  var keyValueSize: Int { keyValueHeadCount * headSize }
  /// The number of floats in the query, keys and values of one token.
  var attentionSize: Int { hiddenSize + 2 * keyValueSize }

  /// Throws if the sizes are inconsistent.
  func validate() throws {
    func check(_ holds: Bool, _ problem: String) throws {
      if !holds { throw Failure(problem) }
    }
    try check(
      hiddenSize % headCount == 0,
      "hidden_size \(hiddenSize) is not a multiple of num_attention_heads \(headCount)")
    try check(
      headSize % 2 == 0,
      "hidden_size / num_attention_heads is \(headSize); rotary positions need an even number of values per head")
    try check(
      headCount % keyValueHeadCount == 0,
      "num_attention_heads \(headCount) is not a multiple of num_key_value_heads \(keyValueHeadCount)")
  }
}
