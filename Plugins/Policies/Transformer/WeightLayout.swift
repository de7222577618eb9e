/// The offset of a weight tensor in the flat array of weights, and its name in a checkpoint.
struct WeightTensor: Sendable, Equatable {
  /// The purpose of a tensor, which determines its initialization and whether weight decay applies.
  enum Role: Sendable { case embedding, projection, residualProjection, norm, bias }

  let name: String
  /// Rows and columns, [out, in]; or the single size of a vector.
  let shape: [Int]
  let offset: Int
  let role: Role

  var count: Int { shape.reduce(1, *) }
  /// Whether this is a matrix, not a vector.
  var isMatrix: Bool { shape.count == 2 }
  /// Whether weight decay applies: not to norms and biases, as in Hugging Face's trainer.
  var isDecayed: Bool { role != .norm && role != .bias }
}

/// The offsets of all weights. The query, key and value matrices of a layer are contiguous, as are gate and up, so that each group is one
/// matrix product; so are the biases of each group.
struct WeightLayout: Sendable {
  /// The offsets of one layer; nil for what the family lacks.
  struct Layer: Sendable {
    /// The norms before a block's products, and those of its output.
    var attentionNorm, attentionOutputNorm, feedForwardNorm, feedForwardOutputNorm: Int?
    var queryKeyValue, attentionOutput, gateUp, down: Int
    var queryKeyValueBias, attentionOutputBias, gateUpBias, downBias: Int?
    var queryNorm, keyNorm: Int?
  }

  private(set) var tensors: [WeightTensor] = []
  private(set) var layers: [Layer] = []
  private(set) var embedding = 0
  private(set) var finalNorm = 0
  /// The output head; the embedding if they are tied.
  private(set) var head = 0
  /// The number of weights in the array that the offsets refer to; without matrices if they have an array of their own.
  private(set) var count = 0
  /// The number of weights in the matrices' own array, if they have one.
  private(set) var matrixCount = 0
  /// Whether the offsets of matrices refer to an array of their own.
  let separatesMatrices: Bool

  /// The number of weights.
  var weightCount: Int { count + matrixCount }

  init(_ architecture: Architecture, separatesMatrices: Bool = false) {
    self.separatesMatrices = separatesMatrices
    let hidden = architecture.hiddenSize
    embedding = add("model.embed_tokens.weight", [architecture.vocabularySize, hidden], .embedding)
    for index in 0..<architecture.layerCount { addLayer("model.layers.\(index).", architecture) }
    finalNorm = add("model.norm.weight", [hidden], .norm)
    head = architecture.isTied ? embedding : add("lm_head.weight", [architecture.vocabularySize, hidden], .projection)
  }

  private mutating func addLayer(_ prefix: String, _ architecture: Architecture) {
    let hidden = architecture.hiddenSize, intermediate = architecture.intermediateSize
    let query = architecture.querySize, keyValue = architecture.keyValueSize, variant = architecture.variant
    let attention = prefix + "self_attn.", feedForward = prefix + "mlp."
    let norms = NormNames(variant.normPlacement)
    let queryKeyValue =
      variant.isPacked
      ? [("qkv_proj", query + 2 * keyValue)] : [("q_proj", query), ("k_proj", keyValue), ("v_proj", keyValue)]
    let gateUp =
      variant.isPacked
      ? [("gate_up_proj", 2 * intermediate)] : [("gate_proj", intermediate), ("up_proj", intermediate)]

    let attentionNorm = addNorm(prefix, norms.attention, hidden)
    let attentionWeights = add(attention, queryKeyValue, inner: hidden)
    let attentionBiases = variant.hasQueryKeyValueBias ? addBiases(attention, queryKeyValue) : nil
    var queryNorm: Int?, keyNorm: Int?
    if let norm = variant.queryKeyNorm {
      queryNorm = addNorm(attention, "q_norm", norm == .head ? architecture.headSize : query)
      keyNorm = addNorm(attention, "k_norm", norm == .head ? architecture.headSize : keyValue)
    }
    let output = add(attention + "o_proj.weight", [hidden, query], .residualProjection)
    let outputBias = variant.hasAttentionOutputBias ? addBiases(attention, [("o_proj", hidden)]) : nil
    let attentionOutputNorm = addNorm(prefix, norms.attentionOutput, hidden)
    let feedForwardNorm = addNorm(prefix, norms.feedForward, hidden)
    let gates = add(feedForward, gateUp, inner: hidden)
    let gateBiases = variant.hasFeedForwardBias ? addBiases(feedForward, gateUp) : nil
    let down = add(feedForward + "down_proj.weight", [hidden, intermediate], .residualProjection)
    let downBias = variant.hasFeedForwardBias ? addBiases(feedForward, [("down_proj", hidden)]) : nil
    layers.append(
      Layer(
        attentionNorm: attentionNorm, attentionOutputNorm: attentionOutputNorm, feedForwardNorm: feedForwardNorm,
        feedForwardOutputNorm: addNorm(prefix, norms.feedForwardOutput, hidden), queryKeyValue: attentionWeights,
        attentionOutput: output, gateUp: gates, down: down, queryKeyValueBias: attentionBiases,
        attentionOutputBias: outputBias, gateUpBias: gateBiases, downBias: downBias, queryNorm: queryNorm,
        keyNorm: keyNorm))
  }

  /// The names of a layer's norms in checkpoints.
  private struct NormNames {
    var attention, attentionOutput, feedForward, feedForwardOutput: String?

    init(_ placement: LayerVariant.NormPlacement) {
      switch placement {
      case .before: (attention, feedForward) = ("input_layernorm", "post_attention_layernorm")
      case .after:
        (attentionOutput, feedForwardOutput) = ("post_attention_layernorm", "post_feedforward_layernorm")
      case .around:
        (attention, attentionOutput) = ("input_layernorm", "post_attention_layernorm")
        (feedForward, feedForwardOutput) = ("pre_feedforward_layernorm", "post_feedforward_layernorm")
      }
    }
  }

  private mutating func addNorm(_ prefix: String, _ name: String?, _ size: Int) -> Int? {
    name.map { add(prefix + $0 + ".weight", [size], .norm) }
  }

  /// Adds contiguous matrices and returns the offset of the first.
  private mutating func add(_ prefix: String, _ matrices: [(name: String, rows: Int)], inner: Int) -> Int {
    let offsets = matrices.map { add(prefix + $0.name + ".weight", [$0.rows, inner], .projection) }
    return offsets[0]
  }

  /// Adds contiguous biases and returns the offset of the first.
  private mutating func addBiases(_ prefix: String, _ matrices: [(name: String, rows: Int)]) -> Int {
    let start = count
    for matrix in matrices { _ = add(prefix + matrix.name + ".bias", [matrix.rows], .bias) }
    return start
  }

  private mutating func add(_ name: String, _ shape: [Int], _ role: WeightTensor.Role) -> Int {
    let isApart = separatesMatrices && shape.count == 2
    let tensor = WeightTensor(name: name, shape: shape, offset: isApart ? matrixCount : count, role: role)
    tensors.append(tensor)
    if isApart { matrixCount += tensor.count } else { count += tensor.count }
    return tensor.offset
  }
}
