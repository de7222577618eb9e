import LossKit
import LossKitJSON

// How a model's layers differ from Llama's, from its family and the keys of its config.json.
extension ModelConfiguration {
  /// Sets head size and variant of an architecture whose other sizes are read.
  static func readVariant(_ keys: ConfigurationKeys, _ family: ModelFamily, into architecture: inout Architecture)
    throws
  {
    let given = family.hasHeadSizeKey ? try keys.integer("head_dim", in: 2...4096) : nil
    architecture.ownHeadSize = given ?? family.headSize
    if architecture.ownHeadSize == architecture.hiddenSize / architecture.headCount,
      architecture.hiddenSize % architecture.headCount == 0
    {
      architecture.ownHeadSize = nil
    }
    try architecture.validate()
    var variant = family.variant
    try readBiases(keys, family, into: &variant)
    try readActivation(keys, family, into: &variant)
    try readFactors(keys, family, architecture, into: &variant)
    variant.windows = try windows(keys, family, layers: architecture.layerCount)
    variant.frequencies = try frequencies(keys, family, &architecture, windows: variant.windows)
    architecture.variant = variant
  }

  private static func readBiases(
    _ keys: ConfigurationKeys, _ family: ModelFamily, into variant: inout LayerVariant
  ) throws {
    switch family.attentionBias {
    case .none: break
    case .queryKeyValue: variant.hasQueryKeyValueBias = true
    case .byKey:
      let isBiased = try keys.flag("attention_bias") ?? false
      (variant.hasQueryKeyValueBias, variant.hasAttentionOutputBias) = (isBiased, isBiased)
    }
    if family.hasFeedForwardBiasKey { variant.hasFeedForwardBias = try keys.flag("mlp_bias") ?? false }
  }

  private static func readActivation(
    _ keys: ConfigurationKeys, _ family: ModelFamily, into variant: inout LayerVariant
  ) throws {
    let isGelu = family.variant.activation == .geluTanh
    let names = isGelu ? ["gelu_pytorch_tanh", "gelu"] : ["silu", "swish"]
    guard let key = ["hidden_activation", "hidden_act"].first(where: keys.has) else { return }
    guard let name = try keys.text(key), names.contains(name) else {
      throw Failure("\(key) is \(keys.json.text(of: key)); this model needs \"\(names[0])\"")
    }
  }

  private static func readFactors(
    _ keys: ConfigurationKeys, _ family: ModelFamily, _ architecture: Architecture, into variant: inout LayerVariant
  ) throws {
    if family.scalesEmbedding { variant.embeddingScale = Float(architecture.hiddenSize).squareRoot() }
    if family.hasMultiplierKeys {
      variant.embeddingScale = Float(try keys.real("embedding_multiplier") ?? 1)
      variant.residualScale = Float(try keys.real("residual_multiplier") ?? 1)
      variant.scoreScale = Float(try keys.real("attention_multiplier") ?? 1)
      variant.logitScale = Float(1 / (try keys.real("logits_scaling") ?? 1))
    }
    if let scalar = family.queryScalar {
      variant.scoreScale = Float(1 / (try keys.real("query_pre_attn_scalar") ?? scalar).squareRoot())
    }
    variant.scoreCap = try cap("attn_logit_softcapping", default: family.scoreCap, keys, family)
    variant.logitCap = try cap("final_logit_softcapping", default: family.logitCap, keys, family)
  }

  /// A soft cap; null, unlike a missing key, means none.
  private static func cap(
    _ name: String, default value: Double, _ keys: ConfigurationKeys, _ family: ModelFamily
  ) throws -> Float? {
    guard family.queryScalar != nil, keys.json[name] != .null else { return nil }
    let cap = try keys.real(name) ?? value
    return cap > 0 ? Float(cap) : nil
  }

  /// The window of each layer; empty if no layer has one.
  private static func windows(_ keys: ConfigurationKeys, _ family: ModelFamily, layers: Int) throws -> [Int] {
    let size =
      try keys.integer("sliding_window", in: 1...1 << 30)
      ?? (keys.json["sliding_window"] == nil ? family.windowSize : nil)
    guard let size else { return [] }
    let hasWindow: [Bool]
    if let types = keys.json.value("layer_types") {
      let names = types.array?.compactMap(\.string) ?? []
      guard names.count == layers, names.allSatisfy({ ["sliding_attention", "full_attention"].contains($0) }) else {
        throw Failure("layer_types is not a list of \(layers) of \"full_attention\" and \"sliding_attention\"")
      }
      hasWindow = names.map { $0 == "sliding_attention" }
    } else {
      switch family.windows {
      case .none: hasWindow = []
      case .all: hasWindow = Array(repeating: true, count: layers)
      case .fromLayer:
        let first = try keys.integer("max_window_layers") ?? 28
        let isUsed = try keys.flag("use_sliding_window") ?? false
        hasWindow = (0..<layers).map { isUsed && $0 >= first }
      case .exceptEach(let count):
        let pattern = try keys.integer("sliding_window_pattern", in: 1...1 << 20) ?? count
        hasWindow = (0..<layers).map { ($0 + 1) % pattern != 0 }
      }
    }
    return hasWindow.contains(true) ? hasWindow.map { $0 ? size : 0 } : []
  }
}
