/// The offset of a weight tensor in the flat array of weights, and its name in a checkpoint.
struct WeightTensor: Sendable, Equatable {
  /// The purpose of a tensor, which determines its initialization and whether weight decay applies.
  enum Role: Sendable { case embedding, projection, residualProjection, norm }

  let name: String
  /// Rows and columns, [out, in]; or the single size of a vector.
  let shape: [Int]
  let offset: Int
  let role: Role

  var count: Int { shape.reduce(1, *) }
}

/// The offsets of all weights. The query, key and value matrices of a layer are contiguous, as are gate and up, so that each group is one
/// matrix product.
struct WeightLayout: Sendable {
  /// The offsets of one layer.
  struct Layer: Sendable {
    let attentionNorm, queryKeyValue, attentionOutput, feedForwardNorm, gateUp, down: Int
  }

  private(set) var tensors: [WeightTensor] = []
  private(set) var layers: [Layer] = []
  private(set) var embedding = 0
  private(set) var finalNorm = 0
  /// The output head; the embedding if they are tied.
  private(set) var head = 0
  /// The number of weights.
  private(set) var count = 0

  init(_ architecture: Architecture) {
    let hidden = architecture.hiddenSize, keyValue = architecture.keyValueSize
    let intermediate = architecture.intermediateSize
    embedding = add("model.embed_tokens", [architecture.vocabularySize, hidden], .embedding)
    for index in 0..<architecture.layerCount {
      let prefix = "model.layers.\(index)."
      let attentionNorm = add(prefix + "input_layernorm", [hidden], .norm)
      let query = add(prefix + "self_attn.q_proj", [hidden, hidden], .projection)
      _ = add(prefix + "self_attn.k_proj", [keyValue, hidden], .projection)
      _ = add(prefix + "self_attn.v_proj", [keyValue, hidden], .projection)
      let output = add(prefix + "self_attn.o_proj", [hidden, hidden], .residualProjection)
      let feedForwardNorm = add(prefix + "post_attention_layernorm", [hidden], .norm)
      let gate = add(prefix + "mlp.gate_proj", [intermediate, hidden], .projection)
      _ = add(prefix + "mlp.up_proj", [intermediate, hidden], .projection)
      let down = add(prefix + "mlp.down_proj", [hidden, intermediate], .residualProjection)
      layers.append(
        Layer(
          attentionNorm: attentionNorm, queryKeyValue: query, attentionOutput: output,
          feedForwardNorm: feedForwardNorm, gateUp: gate, down: down))
    }
    finalNorm = add("model.norm", [hidden], .norm)
    head = architecture.isTied ? embedding : add("lm_head", [architecture.vocabularySize, hidden], .projection)
  }

  private mutating func add(_ name: String, _ shape: [Int], _ role: WeightTensor.Role) -> Int {
    let tensor = WeightTensor(name: name + ".weight", shape: shape, offset: count, role: role)
    tensors.append(tensor)
    count += tensor.count
    return tensor.offset
  }
}
