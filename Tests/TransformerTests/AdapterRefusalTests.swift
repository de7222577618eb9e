import LossKit
import Testing

@testable import Transformer

/// Adapters that cannot be read: each error names what it is about.
struct AdapterRefusalTests {
  private let base: Directory
  private let adapter: Directory
  private let configuration, weights: [UInt8]

  init() throws {
    base = try Directory()
    adapter = try Directory()
    try Transformer.small().save(to: base.path, withOptimizer: false)
    var options = TransformerOptions()
    options.lora.rank = 4
    try Transformer.load(path: base.path, options: options, given: []).save(to: adapter.path, withOptimizer: true)
    configuration = try adapter.bytes("adapter_config.json")
    weights = try adapter.bytes("adapter_model.safetensors")
  }

  private func expect(_ words: String, _ location: SourceLocation) {
    let failure = #expect(throws: Failure.self, sourceLocation: location) {
      try Transformer.load(path: adapter.path, options: TransformerOptions(), given: [])
    }
    #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "")", sourceLocation: location)
  }

  @Test func configurations() throws {
    func expect(_ old: String, _ new: String, _ words: String, _ location: SourceLocation = #_sourceLocation) throws {
      try adapter.write("adapter_config.json", configuration.replacing(old, new))
      self.expect(words, location)
    }
    try expect("\"LORA\"", "\"IA3\"", "peft_type is \"IA3\"; only \"LORA\"")
    try expect("\"peft_type\"", "\"peft\"", "peft_type is null")
    try expect("\"use_dora\": false", "\"use_dora\": true", "use_dora is true, which is not supported")
    try expect("\"bias\": \"none\"", "\"bias\": \"all\"", "bias is \"all\"; only \"none\"")
    try expect("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]", "modules_to_save is a list")
    try expect("\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "fan_in_fan_out is true")
    try expect("\"use_dora\"", "\"lora_bias\": true, \"x\"", "lora_bias is true")
    try expect("\"use_dora\"", "\"trainable_token_indices\": [1], \"x\"", "trainable_token_indices is a list")
    try expect("\"use_dora\"", "\"target_parameters\": [\"a\"], \"x\"", "target_parameters is a list")
    try expect("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\"", "\"pissa\", which changes the base")
    try expect("\"r\": 4", "\"r\": 0", "r is 0, not a whole number within 1...65536")
    try expect("\"r\": 4", "\"rank\": 4", "r is missing")
    try expect("\"r\": 4", "\"r\": 5", "has the shape [4, 16], the base model and adapter_config.json say [5, 16]")
    try expect(
      "\"rank_pattern\": {}", "\"rank_pattern\": {\"v_proj\": 2}", "v_proj.lora_A.weight has the shape [4, 16]")
    try expect("\"rank_pattern\": {}", "\"rank_pattern\": {\"(\": 2}", "rank_pattern: the pattern")
    try expect("\"alpha_pattern\": {}", "\"alpha_pattern\": {\"v_proj\": 0}", "v_proj is 0, which is out of bounds")
    try expect("\"lora_alpha\": 8.0", "\"lora_alpha\": -1", "lora_alpha is -1")
    try expect("\"base_model_name_or_path\"", "\"base\"", "base_model_name_or_path is missing; set it to the directory")
    try expect(base.path, "org/model", "base_model_name_or_path is \"org/model\", which is no directory here; set it")
    try expect(base.path, adapter.path, "which is an adapter; merge that one first")
    try expect("{", "[", "not JSON")
    try adapter.write("adapter_config.json", configuration)
    _ = try Transformer.load(path: adapter.path, options: TransformerOptions(), given: [])
  }

  @Test func tensors() throws {
    func expect(_ old: String, _ new: String, _ words: String, _ location: SourceLocation = #_sourceLocation) throws {
      try adapter.write("adapter_model.safetensors", weights.replacing(old, new))
      self.expect(words, location)
    }
    try expect("0.mlp.up_proj.lora_A.weight", "0.up_projx.lora_embedding_A", "belongs to adapters of the embedding")
    try expect("0.mlp.up_proj.lora_B.weight", "0.mlp.up_proj.lora_B.bias  ", "belongs to biases of adapters")
    try expect("layers.0.mlp.up_proj.lora_A.weight", "layers.0.x.y.lora_magnitude_vector", "belongs to DoRA")
    try expect("0.mlp.up_proj.lora_A.weight", "0.mlp.up_proj.lora_C.weight", "up_proj.lora_A.weight is missing")
    try expect("layers.0.mlp.up_proj.lora_A", "layers.7.mlp.up_proj.lora_A", "up_proj.lora_A.weight is missing")
    try expect("\"shape\":[4,16]", "\"shape\":[8,8] ", "has the shape [8, 8], the base model and adapter_config.json")
    try adapter.write("adapter_model.safetensors", weights)
    _ = try Transformer.load(path: adapter.path, options: TransformerOptions(), given: [])
  }

  /// An adapter of a model of other sizes names the first tensor that does not fit.
  @Test func anotherBase() throws {
    let wide = try Directory()
    try Transformer.small(hidden: 32).save(to: wide.path, withOptimizer: false)
    try adapter.write("adapter_config.json", configuration.replacing(base.path, wide.path))
    expect("layers.0.self_attn.q_proj.lora_A.weight has the shape [4, 16], the base model", #_sourceLocation)
  }
}
