/// How a family of Hugging Face's models differs from Llama, by the `model_type` of its `config.json`.
struct ModelFamily: Sendable {
  /// Which projections of attention have a bias.
  enum AttentionBias: Sendable {
    case none
    /// All of them if the key `attention_bias` is true.
    case byKey
    /// Queries, keys and values; no key says so.
    case queryKeyValue
  }

  /// Which layers have a sliding window, where no key `layer_types` says so.
  enum Windows: Sendable {
    case none, all
    /// Layers from `max_window_layers` on, if `use_sliding_window` is true.
    case fromLayer
    /// All but each `count`-th, or each `sliding_window_pattern`-th.
    case exceptEach(count: Int)
  }

  /// Whether the key `head_dim` is read.
  var hasHeadSizeKey = false
  /// The head size where the key is missing, if it is not hidden_size / num_attention_heads.
  var headSize: Int?
  var normEpsilon = 1e-6
  var isTied = false
  var ropeTheta = 10000.0
  var attentionBias = AttentionBias.none
  /// Whether the key `mlp_bias` is read.
  var hasFeedForwardBiasKey = false
  var windows = Windows.none
  /// The size of windows where the key `sliding_window` is missing.
  var windowSize: Int?
  /// Whether layers may lack positions (`no_rope_layers`).
  var hasLayersWithoutPositions = false
  /// The default of `rope_local_base_freq`, the base of layers with a window, where they have their own.
  var localRopeTheta: Double?
  /// Whether the keys of factors are read: `embedding_multiplier`, `residual_multiplier`, `attention_multiplier`, `logits_scaling`.
  var hasMultiplierKeys = false
  /// The default of `query_pre_attn_scalar`, whose inverse root is the factor on scores.
  var queryScalar: Double?
  /// The default of `attn_logit_softcapping` and `final_logit_softcapping`; 0 for no cap.
  var scoreCap = 0.0, logitCap = 0.0
  /// Whether the embedding is multiplied by √hidden_size.
  var scalesEmbedding = false
  /// The variant before the configuration's keys are applied.
  var variant = LayerVariant()

  /// The families that can be read.
  static let all: [String: ModelFamily] = {
    var gemma = ModelFamily(hasHeadSizeKey: true, headSize: 256, isTied: true, attentionBias: .byKey)
    gemma.scalesEmbedding = true
    gemma.variant.normOffset = 1
    gemma.variant.activation = .geluTanh
    var gemma2 = gemma
    gemma2.variant.normPlacement = .around
    gemma2.windows = .exceptEach(count: 2)
    gemma2.windowSize = 4096
    gemma2.queryScalar = 256
    gemma2.scoreCap = 50
    gemma2.logitCap = 30
    var gemma3 = gemma2
    gemma3.windows = .exceptEach(count: 6)
    gemma3.variant.queryKeyNorm = .head
    (gemma3.scoreCap, gemma3.logitCap) = (0, 0)
    gemma3.ropeTheta = 1e6
    gemma3.localRopeTheta = 10000
    var granite = ModelFamily(attentionBias: .byKey, hasFeedForwardBiasKey: true)
    granite.hasMultiplierKeys = true
    var olmo2 = ModelFamily(normEpsilon: 1e-5, attentionBias: .byKey)
    olmo2.variant.normPlacement = .after
    olmo2.variant.queryKeyNorm = .all
    var phi3 = ModelFamily(normEpsilon: 1e-5, windows: .all)
    phi3.variant.isPacked = true
    var qwen3 = ModelFamily(hasHeadSizeKey: true, headSize: 128, attentionBias: .byKey, windows: .fromLayer)
    qwen3.variant.queryKeyNorm = .head
    return [
      "gemma": gemma, "gemma2": gemma2, "gemma3_text": gemma3, "granite": granite,
      "llama": ModelFamily(hasHeadSizeKey: true, attentionBias: .byKey, hasFeedForwardBiasKey: true),
      "mistral": ModelFamily(hasHeadSizeKey: true, windows: .all), "olmo2": olmo2, "phi3": phi3,
      "qwen2": ModelFamily(attentionBias: .queryKeyValue, windows: .fromLayer), "qwen3": qwen3,
      "smollm3": ModelFamily(
        isTied: true, ropeTheta: 2e6, attentionBias: .byKey, hasFeedForwardBiasKey: true,
        hasLayersWithoutPositions: true),
    ]
  }()
}
