import LossKit
import LossKitJSON
import LossKitSystem

// The rotary frequencies of a model's layers: `rope_theta` and `rope_scaling` of files up to transformers 4, `rope_parameters` of later.
extension ModelConfiguration {
  /// The frequencies of each layer; empty if all are those of `rope_theta`. Limits the context to what the scaling supports.
  static func frequencies(
    _ keys: ConfigurationKeys, _ family: ModelFamily, _ architecture: inout Architecture, windows: [Int]
  ) throws -> [RotaryFrequencies] {
    var scaling = try keys.object("rope_parameters") ?? keys.object("rope_scaling") ?? ConfigurationKeys(JSONObject([]))
    var local: ConfigurationKeys?
    if family.localRopeTheta != nil, let full = try scaling.object("full_attention") {
      local = try scaling.object("sliding_attention")
      scaling = full
    }
    let theta = try scaling.real("rope_theta") ?? keys.real("rope_theta") ?? family.ropeTheta
    architecture.ropeTheta = theta
    let common = try frequencies(scaling, theta: theta, keys, &architecture)
    var result = [RotaryFrequencies](repeating: common, count: architecture.layerCount)
    if let localTheta = family.localRopeTheta {
      let theta = try local?.real("rope_theta") ?? keys.real("rope_local_base_freq") ?? localTheta
      let frequencies = RotaryFrequencies(theta: theta, dimension: architecture.headSize)
      for (layer, window) in windows.enumerated() where window > 0 { result[layer] = frequencies }
    }
    if family.hasLayersWithoutPositions {
      for (layer, hasPositions) in try layersWithPositions(keys, count: result.count).enumerated() where !hasPositions {
        result[layer] = .none
      }
    }
    let plain = RotaryFrequencies(theta: theta, dimension: architecture.headSize)
    return result.allSatisfy { $0 == plain } ? [] : result
  }

  /// Which layers rotate: `no_rope_layers` has 1 for those.
  private static func layersWithPositions(_ keys: ConfigurationKeys, count: Int) throws -> [Bool] {
    guard let value = keys.json.value("no_rope_layers") else {
      let interval = try keys.integer("no_rope_layer_interval", in: 1...1 << 20) ?? 4
      return (0..<count).map { ($0 + 1) % interval != 0 }
    }
    let flags = value.array?.compactMap(\.integer) ?? []
    guard flags.count == count, flags.allSatisfy({ $0 == 0 || $0 == 1 }) else {
      throw Failure("no_rope_layers is not a list of \(count) of 0 and 1")
    }
    return flags.map { $0 == 1 }
  }

  private static func frequencies(
    _ scaling: ConfigurationKeys, theta: Double, _ keys: ConfigurationKeys, _ architecture: inout Architecture
  ) throws -> RotaryFrequencies {
    let part = try scaling.real("partial_rotary_factor") ?? keys.real("partial_rotary_factor") ?? 1
    guard part <= 1 else { throw Failure("partial_rotary_factor is \(part), more than 1") }
    let plain = RotaryFrequencies(theta: theta, dimension: Int(Double(architecture.headSize) * part))
    func required(_ name: String) throws -> Double {
      guard let value = try scaling.real(name) else { throw Failure("\(name) of the rotary scaling is missing") }
      return value
    }
    let context = Double(architecture.contextLength)
    let trained =
      try scaling.real("original_max_position_embeddings") ?? keys.real("original_max_position_embeddings")
      ?? context
    let type = try scaling.text("rope_type") ?? scaling.text("type")
    if type == nil, scaling.has("factor") { throw Failure("the rotary scaling has a factor, but no rope_type") }
    switch type ?? "default" {
    case "default": return plain
    case "linear": return plain.scaledLinearly(by: try required("factor"))
    case "llama3":
      return plain.scaledAsLlama3(
        by: try required("factor"), low: try required("low_freq_factor"), high: try required("high_freq_factor"),
        trainedContext: trained)
    case "yarn":
      var yarn = RotaryFrequencies.Yarn(
        factor: try scaling.real("factor") ?? context / trained, trainedContext: trained)
      yarn.betaFast = try scaling.real("beta_fast") ?? yarn.betaFast
      yarn.betaSlow = try scaling.real("beta_slow") ?? yarn.betaSlow
      yarn.attentionFactor = try scaling.real("attention_factor")
      yarn.isTruncated = try scaling.flag("truncate") ?? true
      if yarn.attentionFactor == nil, let all = try scaling.real("mscale_all_dim"),
        let some = try scaling.real("mscale")
      {
        func scale(_ multiplier: Double) -> Double { yarn.factor <= 1 ? 1 : 0.1 * multiplier * log(yarn.factor) + 1 }
        yarn.attentionFactor = scale(some) / scale(all)
      }
      return plain.scaled(by: yarn, theta: theta)
    case "longrope", "su":
      guard let factors = try scaling.reals("short_factor", count: plain.angles.count) else {
        throw Failure("short_factor of the rotary scaling is missing")
      }
      let ratio = context / trained
      // Longer texts would need the long factors, which give other numbers for short ones, too.
      architecture.contextLength = min(architecture.contextLength, Int(trained))
      return plain.scaled(
        by: factors,
        attentionFactor: try scaling.real("attention_factor")
          ?? (ratio <= 1 ? 1 : (1 + log(ratio) / log(trained)).squareRoot()))
    case let type:
      throw Failure(
        "the rotary scaling is \"\(type)\"; supported are default, linear, llama3, yarn and longrope")
    }
  }
}
