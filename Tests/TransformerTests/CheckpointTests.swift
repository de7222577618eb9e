import FoundationEssentials
import LossKit
import LossKitSystem
import Testing

@testable import Transformer

/// Saving, loading, resuming, and invalid files.
struct CheckpointTests {
  private static let files = ["config.json", "model.safetensors", "optimizer.safetensors"]

  @Test(arguments: [true, false])
  func savingWhatWasLoadedGivesEqualBytes(tied: Bool) throws {
    let policy = try Transformer.small(tied: tied)
    try policy.backwardOnce()
    _ = try policy.step(PolicyUpdate(learningRate: 0.01))
    let first = try Directory(), second = try Directory()
    try policy.save(to: first.path, withOptimizer: true)
    let loaded = try Transformer.load(path: first.path, options: TransformerOptions(), given: [])
    try loaded.save(to: second.path, withOptimizer: true)
    for file in Self.files { #expect(try first.bytes(file) == second.bytes(file), "\(file)") }
    let texts = Texts(eightPairs)
    #expect(try loaded.logProbabilities(texts) == policy.logProbabilities(texts))
  }

  @Test func aResumedRunGoesOnBitForBit() throws {
    let straight = try Transformer.small(hidden: 32)
    let directory = try Directory()
    func train(_ policy: Transformer, steps: Int) throws {
      for _ in 0..<steps {
        try policy.backwardOnce()
        _ = try policy.step(PolicyUpdate(learningRate: 0.01, weightDecay: 0.1, maxGradientNorm: 1))
      }
    }
    try train(straight, steps: 3)
    try straight.save(to: directory.path, withOptimizer: true)
    try train(straight, steps: 3)
    let resumed = try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
    try train(resumed, steps: 3)
    let texts = Texts(eightPairs)
    #expect(try resumed.logProbabilities(texts) == straight.logProbabilities(texts))
  }

  @Test func withoutTheOptimizerThereAreTwoFiles() throws {
    let directory = try Directory()
    try Transformer.small().save(to: directory.path, withOptimizer: false)
    #expect(File.exists(directory.path + "/config.json") && File.exists(directory.path + "/model.safetensors"))
    #expect(!File.exists(directory.path + "/optimizer.safetensors"))
    _ = try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
  }

  @Test func namesAndMetadataAreThoseOfHuggingFace() throws {
    let directory = try Directory()
    try Transformer.small(layers: 1, tied: true).save(to: directory.path, withOptimizer: false)
    let file = try Safetensors(opening: directory.path + "/model.safetensors")
    let layer = "model.layers.0."
    #expect(
      file.entries.map(\.name).sorted() == [
        "model.embed_tokens.weight", layer + "input_layernorm.weight", layer + "mlp.down_proj.weight",
        layer + "mlp.gate_proj.weight", layer + "mlp.up_proj.weight", layer + "post_attention_layernorm.weight",
        layer + "self_attn.k_proj.weight", layer + "self_attn.o_proj.weight", layer + "self_attn.q_proj.weight",
        layer + "self_attn.v_proj.weight", "model.norm.weight",
      ])
    #expect(file.metadata == ["format": "pt"])
    let untied = try Directory()
    try Transformer.small(tied: false).save(to: untied.path, withOptimizer: false)
    #expect(
      try Safetensors(opening: untied.path + "/model.safetensors").entries.contains { $0.name == "lm_head.weight" })
    struct Written: Decodable, Equatable {
      var architectures = ["LlamaForCausalLM"]
      var torchDtype = "float32"
      var vocabSize = 259
      var ropeTheta = 10000.0
      var tieWordEmbeddings = true
    }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    #expect(try decoder.decode(Written.self, from: Data(directory.bytes("config.json"))) == Written())
  }

  @Test func anOptionThatContradictsTheCheckpointNamesBothValues() throws {
    let directory = try Directory()
    let policy = try Transformer.small()
    try policy.save(to: directory.path, withOptimizer: true)
    var options = TransformerOptions()
    options.architecture.hiddenSize = 64
    let failure = #expect(throws: Failure.self) {
      try Transformer.load(path: directory.path, options: options, given: ["hidden_size"])
    }
    #expect(failure?.message.contains("hidden_size 16, not 64") == true)
    options = .small()
    options.adam.beta2 = 0.95
    _ = try Transformer.load(path: directory.path, options: options, given: ["hidden_size", "rope_theta"])
    #expect(throws: Failure.self) {
      try Transformer.load(path: directory.path, options: options, given: ["adam_beta2"])
    }
  }

  @Test func damagedTensorsAreErrorsThatSayWhatIsWrong() throws {
    let directory = try Directory()
    try Transformer.small().save(to: directory.path, withOptimizer: false)
    let good = try directory.bytes("model.safetensors")
    func expect(_ bytes: [UInt8], _ words: String, _ location: SourceLocation = #_sourceLocation) throws {
      try directory.write("model.safetensors", bytes)
      let failure = #expect(throws: Failure.self, sourceLocation: location) {
        try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
      }
      #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "")", sourceLocation: location)
    }
    try expect(Array(good.dropLast(8)), "cut off")
    try expect(Array(good.prefix(100)), "a header of")
    try expect([1, 2, 3], "cut off")
    try expect([], "cut off")
    try expect([UInt8](repeating: 255, count: 8) + good.dropFirst(8), "a header of 18446744073709551615 bytes")
    try expect(good.replacing("\"F32\"", "\"F64\""), "is F64; float32 (F32), bfloat16")
    try expect(good.replacing("model.norm.weight", "model.warm.weight"), "model.norm.weight is missing")
    try expect(good.replacing("\"shape\":[16]", "\"shape\":[61]"), "which is not 244 bytes")
    try expect(good.replacing("\"shape\":[16,16]", "\"shape\":[8,32] "), "has the shape [8, 32]")
    try expect(good.replacing("\"data_offsets\":[0,", "\"data_offsets\":[4,"), "bytes 4 to")
    try expect(good.replacing("\"shape\":[259,16]", "\"shape\":[259,-1]"), "has a negative size")
    try expect(good.replacing("\"dtype\"", "\"type\" "), "has no dtype")
    try expect(good.replacing("\"format\":\"pt\"", "\"format\":  12 "), "not a text")
    try expect(good.replacing("{\"__meta", "[\"__meta"), "not JSON")
    try expect(good.replacing("\"F32\"", "\"\u{7}32\""), "a control character")
    try expect(good.map { $0 == UInt8(ascii: "F") ? 0xFF : $0 }, "not UTF-8")
    try expect(good.replacing("\"shape\":[16]", "\"shape\":[.5]"), "not JSON")
    try expect(good.replacing("\"shape\":[259,16]", "\"shape\":[9e18,9]"), "exceeds the address space")
    try expect(good.replacing("\"shape\":[259,16]", "\"shape\":[259,.2]"), "not JSON")
    try expect(good.replacing("\"shape\":[259,16]", "\"shape\":[25,1.5]"), "lacks its shape")
    try expect(good.replacing("\"data_offsets\":[0,", "\"data_offsets\":  ["), "lacks its shape or its offsets")
    try expect(good + [0, 0, 0, 0], "the file has")
    try directory.write("model.safetensors", good)
    _ = try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
  }

  @Test func aDamagedConfigurationIsAnErrorThatSaysWhatIsWrong() throws {
    let directory = try Directory()
    try Transformer.small().save(to: directory.path, withOptimizer: false)
    let good = try directory.bytes("config.json")
    func expect(_ old: String, _ new: String, _ words: String, _ location: SourceLocation = #_sourceLocation) throws {
      try directory.write("config.json", good.replacing(old, new))
      let failure = #expect(throws: Failure.self, sourceLocation: location) {
        try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
      }
      #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "")", sourceLocation: location)
    }
    try expect("\"llama\"", "\"mamba\"", "model_type is \"mamba\"; supported are gemma, ")
    try expect("\"vocab_size\": 259", "\"vocab_size\": 258", "has the shape [259, 16], config.json says [258, 16]")
    try expect("\"hidden_size\": 16", "\"hidden_size\": 1e99", "hidden_size is 1e+99")
    try expect("\"hidden_size\": 16", "\"hidden_size\": -16", "hidden_size is -16")
    try expect("\"hidden_size\": 16", "\"hidden_sise\": 16", "hidden_size is missing")
    try expect("\"hidden_size\": 16", "\"hidden_size\": \"16\"", "hidden_size is \"16\"")
    try expect("\"hidden_size\": 16", "\"hidden_size\": 16.5", "hidden_size is 16.5, not a whole number")
    try expect("\"hidden_size\": 16", "\"hidden_size\": [16]", "hidden_size is a list")
    try expect("\"hidden_size\": 16", "\"hidden_size\": 32", "has the shape [259, 16]")
    try expect("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000", "is missing")
    try expect("\"intermediate_size\": 12", "\"intermediate_size\": 1048576", "has the shape [12, 16]")
    try expect("\"rope_theta\": 10000.0", "\"rope_theta\": 1e999", "1e999 is beyond the range of a double")
    try expect("\"rope_theta\": 10000.0", "\"rope_theta\": 0", "rope_theta is 0")
    try expect("\"rope_scaling\": null", "\"rope_scaling\": {\"factor\": 2}", "has a factor, but no rope_type")
    try expect(
      "\"rope_scaling\"", "\"rope_parameters\": {\"rope_type\": \"dynamic\"}, \"x\"",
      "the rotary scaling is \"dynamic\"; supported are default, linear")
    try expect("\"num_attention_heads\": 4", "\"num_attention_heads\": 5", "config.json: num_attention_heads 5 is not")
    try expect("\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"", "hidden_act is \"gelu\"")
    try expect("\"hidden_act\"", "\"quantization_config\": {}, \"hidden_act\"", "quantization_config is given")
    try expect("\"head_dim\": 4", "\"head_dim\": 3", "head_dim is 3; rotary")
    try expect("\"eos_token_id\": 258", "\"eos_token_id\": 2", "has no tokenizer.json, and is not a model over bytes")
    try expect("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": 3", "not true or false")
    try expect("}\n", "", "not JSON")
    try expect("{\n", "", "not JSON")
    try expect("{\n", String(repeating: "[", count: 100_000), "nested deeper than 128 levels")
    try expect("{\n", "{\"hidden_size\": 16,\n", "the key 'hidden_size' appears twice")
    try expect("\"llama\"", "\"ll\u{0}ma\"", "a control character")
    try directory.write("config.json", [])
    #expect(throws: Failure.self) {
      try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
    }
  }

  @Test func aConfigurationAsOthersWriteItIsRead() throws {
    let directory = try Directory()
    try Transformer.small().save(to: directory.path, withOptimizer: false)
    let good = try directory.bytes("config.json")
    for (old, new) in [
      ("\"rope_theta\": 10000.0", "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":10000.0}"),
      ("\"hidden_size\": 16", "\"hidden_size\": 16.0, \"unknown\": [{\"a\": 1}]"),
      ("\"head_dim\": 4", "\"head_dim\": null"), ("\"initializer_range\"", "\"initializer_rang\""),
      ("\"mlp_bias\"", "\"mlp_bia\""), ("{", "\n {"),
    ] {
      try directory.write("config.json", good.replacing(old, new))
      let options = try ModelConfiguration(reading: directory.path + "/config.json", into: TransformerOptions()).options
      #expect(options.architecture == TransformerOptions.small().architecture, "\(new)")
    }
  }

  @Test func aDamagedOptimizerIsAnError() throws {
    let directory = try Directory()
    try Transformer.small().save(to: directory.path, withOptimizer: true)
    let good = try directory.bytes("optimizer.safetensors")
    for (old, new) in [
      ("\"step\":\"0\"", "\"step\":\"x\""), ("\"adam_beta1\":\"0.9\"", "\"adam_beta1\":\"9.0\""),
      ("exp_avg.model.norm", "exp_avg.model.warm"),
    ] {
      try directory.write("optimizer.safetensors", good.replacing(old, new))
      #expect(throws: Failure.self) {
        try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
      }
    }
  }

  @Test func whatCannotBeReadOrWrittenIsNamed() throws {
    let directory = try Directory()
    let missing = #expect(throws: Failure.self) {
      try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
    }
    #expect(missing?.message.contains("config.json cannot be opened: No such file") == true)
    let unwritable = #expect(throws: Failure.self) {
      try Transformer.small().save(to: directory.path + "/none", withOptimizer: false)
    }
    #expect(unwritable?.message.contains("none/config.json cannot be written") == true)
    #if os(Linux)
      let full = #expect(throws: Failure.self) {
        try [UInt8](repeating: 0, count: 1 << 16).withUnsafeBytes { try File.write("/dev/full", [$0]) }
      }
      #expect(full?.message == "transformer: /dev/full cannot be written: No space left on device")
      #expect(mkfifo(directory.path + "/config.json", 0o600) == 0)
      let pipe = #expect(throws: Failure.self) {
        try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
      }
      #expect(pipe?.message.contains("not a regular file") == true)
    #endif
  }
}

/// A directory that is removed when its owner is deallocated.
final class Directory {
  let path: String

  init() throws {
    var template = Array("/tmp/losskit-transformer-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
    }
    guard let made else { throw Failure("no temporary directory") }
    path = made
  }

  deinit {
    for name in [
      "config.json", "model.safetensors", "optimizer.safetensors", "adapter_config.json", "adapter_model.safetensors",
    ] { unlink(path + "/" + name) }
    rmdir(path)
  }

  func bytes(_ name: String) throws -> [UInt8] {
    let file = try File.reading(path + "/" + name)
    var bytes = [UInt8](repeating: 0, count: try file.size())
    try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    return bytes
  }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try File.write(path + "/" + name, [$0]) }
  }
}

extension [UInt8] {
  /// The bytes with the first occurrence of a text replaced.
  func replacing(_ old: String, _ new: String) -> [UInt8] {
    let old = Array(old.utf8)
    guard let start = indices.first(where: { self[$0...].starts(with: old) }) else { return [] }
    return self[..<start] + Array(new.utf8) + self[(start + old.count)...]
  }
}
