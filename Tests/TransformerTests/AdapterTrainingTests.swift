import LossKit
import LossKitHead
import Testing

@testable import Transformer

/// Training an adapter: the base stays, and the adapter is saved, resumed, copied and merged.
struct AdapterTrainingTests {
  private static let files = ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors"]
  private let base: Directory
  private let texts = Texts(eightPairs)

  init() throws {
    base = try Directory()
    try Transformer.small(hidden: 32).save(to: base.path, withOptimizer: true)
  }

  private func load(
    _ path: String? = nil, rank: Int = 0, bf16: Bool = false, change: (inout TransformerOptions) -> Void = { _ in }
  ) throws -> Transformer {
    var options = TransformerOptions()
    options.lora.rank = rank
    options.bf16 = bf16
    change(&options)
    return try .load(path: path ?? base.path, options: options, given: ["bf16"])
  }

  private func train(_ policy: Transformer, steps: Int) throws {
    for _ in 0..<steps {
      try policy.backwardOnce()
      _ = try policy.step(PolicyUpdate(learningRate: 0.01, weightDecay: 0.1, maxGradientNorm: 1))
    }
  }

  @Test func aCopyIsTheBaseAndSharesItsWeights() throws {
    let plain = try load(), policy = try load(rank: 4)
    let before = try plain.logProbabilities(texts)
    #expect(try policy.logProbabilities(texts) == before)
    let copy = try policy.copy()
    try train(policy, steps: 3)
    #expect(copy.model.weights === policy.model.weights)
    #expect(try copy.logProbabilities(texts) == before)
    #expect(try policy.logProbabilities(texts) != before)
    #expect(throws: Failure.self) { try copy.step(PolicyUpdate(learningRate: 0.1)) }
    #expect(try copy.identity()?.digest == plain.identity()?.digest)
    #expect(try policy.identity()?.digest != plain.identity()?.digest)
    let directory = try Directory()
    try copy.save(to: directory.path, withOptimizer: false)
    #expect(try load(directory.path).logProbabilities(texts) == before)
  }

  @Test func trainingRaisesWhatItIsToldToRaise() throws {
    let policy = try load(rank: 4) { $0.lora.alpha = 16 }
    let before = try policy.logProbabilities(texts)
    for _ in 0..<30 {
      _ = try policy.logProbabilities(texts, keeping: true)
      try policy.backward(texts, perResponse: .init(repeating: -1, count: 8) + .init(repeating: 0, count: 8))
      _ = try policy.step(PolicyUpdate(learningRate: 0.01, maxGradientNorm: 1))
    }
    let after = try policy.logProbabilities(texts)
    #expect((0..<8).allSatisfy { after.responses[$0] > 0.7 * before.responses[$0] })
  }

  @Test(arguments: [false, true])
  func aResumedRunGoesOnBitForBit(bf16: Bool) throws {
    let straight = try load(rank: 4, bf16: bf16), directory = try Directory(), again = try Directory()
    try train(straight, steps: 3)
    try straight.save(to: directory.path, withOptimizer: true)
    let resumed = try load(directory.path, bf16: bf16)
    try resumed.save(to: again.path, withOptimizer: true)
    for file in Self.files { #expect(try directory.bytes(file) == again.bytes(file), "\(file)") }
    #expect(!File.exists(directory.path + "/config.json") && !File.exists(directory.path + "/model.safetensors"))
    #expect(try resumed.identity() == straight.identity())
    try train(straight, steps: 3)
    try train(resumed, steps: 3)
    #expect(try resumed.logProbabilities(texts) == straight.logProbabilities(texts))
    #expect(resumed.model.layout.separatesMatrices == bf16)
  }

  @Test func aCopyOfALoadedAdapterKeepsIt() throws {
    let policy = try load(rank: 4), directory = try Directory()
    try train(policy, steps: 2)
    try policy.save(to: directory.path, withOptimizer: false)
    let loaded = try load(directory.path)
    let before = try loaded.logProbabilities(texts), copy = try loaded.copy()
    #expect(try policy.logProbabilities(texts) == before)
    try train(loaded, steps: 2)
    #expect(try copy.logProbabilities(texts) == before)
    #expect(try loaded.logProbabilities(texts) != before)
  }

  @Test func aMergedAdapterIsAModelOfItsOwn() throws {
    let policy = try load(rank: 4) { $0.lora.usesRSLoRA = true }, directory = try Directory(), whole = try Directory()
    try train(policy, steps: 3)
    try policy.save(to: directory.path, withOptimizer: true)
    let merged = try load(directory.path) { $0.lora.isMerged = true }
    try merged.save(to: whole.path, withOptimizer: false)
    #expect(File.exists(whole.path + "/model.safetensors") && !File.exists(whole.path + "/adapter_config.json"))
    let expected = try policy.logProbabilities(texts), found = try load(whole.path).logProbabilities(texts)
    #expect(zip(expected.tokens, found.tokens).allSatisfy { abs($0 - $1) < 1e-4 })
    try train(merged, steps: 1)
    let failure = #expect(throws: Failure.self) { try load(whole.path) { $0.lora.isMerged = true } }
    #expect(failure?.message.contains("has no adapter_config.json, and nothing to merge") == true)
  }

  @Test func adaptersAreNotBlended() throws {
    let policy = try load(rank: 4), plain = try load()
    for (target, source) in [(policy, plain), (plain, policy), (try policy.copy(), policy)] {
      let failure = #expect(throws: Failure.self) { try target.blend(with: source, weight: 0.5) }
      #expect(failure?.message.contains("not linear in them") == true)
    }
  }

  @Test func targetsAreSelectedByName() throws {
    let policy = try load(rank: 4) { $0.lora.targets = .names(["q_proj", "down_proj"]) }
    #expect(policy.model.trainable.tensors.count == 2 * 2 * 2)
    #expect(policy.model.trainable.tensors[0].name == "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight")
    #expect(policy.model.trainable.tensors[0].shape == [4, 32])
    let failure = #expect(throws: Failure.self) { try load(rank: 4) { $0.lora.targets = .names(["c_attn"]) } }
    #expect(failure?.message.contains("names c_attn; this model has q_proj, k_proj") == true)
    #expect(try LoRATargets("all-linear") == .allLinear)
    #expect(try LoRATargets("q_proj, v_proj") == .names(["q_proj", "v_proj"]))
    #expect(throws: Failure.self) { try LoRATargets("q_proj,,v_proj") }
  }

  @Test func optionsThatDoNotFitAreErrors() throws {
    var options = TransformerOptions.small()
    options.lora.rank = 4
    #expect(throws: Failure.self) { try Transformer.create(options: options, seed: 1) }
    let directory = try Directory()
    try load(rank: 4).save(to: directory.path, withOptimizer: false)
    _ = try Transformer.load(path: directory.path, options: options, given: ["lora_rank"])
    options.lora.rank = 8
    let failure = #expect(throws: Failure.self) {
      try Transformer.load(path: directory.path, options: options, given: ["lora_rank"])
    }
    #expect(failure?.message.contains("adapter_config.json has lora_rank 4, not 8") == true)
  }
}
