import FoundationEssentials
import LossKitSystem
import Testing
import Transformer

@testable import LossKit
@testable import LossKitRuntime
@testable import LossKitTraining

/// A policy that compares its distributions with those of references at every step, under a loss like TDPO's second.
@Suite struct LiveReferencesTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private static let type = Result {
    try LoadedPolicyType(PolicyExport<Transformer>.descriptor(), library: "tests")
  }

  private func policy(seed: UInt64) throws -> PolicyInstance {
    try Self.type.get().create(
      options: [
        "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 1,
      ], seed: seed)
  }

  private func plan(_ values: [String: String] = [:]) throws -> TrainingPlan {
    let defaults = [
      "learning_rate": "0.01", "max_steps": "8", "logging_steps": "1", "save_steps": "4", "eval_steps": "8",
      "per_device_train_batch_size": "4", "gradient_accumulation_steps": "2",
    ]
    return TrainingPlan(
      objective: try Toy.tokenLevel(), configuration: try settings(defaults.merging(values) { $1 }),
      trainingData: toyPairs(32), evaluationData: toyPairs(8, seed: 6), policy: "transformer")
  }

  private func train(_ plan: TrainingPlan, in name: String, references: [PolicyInstance] = []) throws {
    _ = try Trainer(
      plan, policy: policy(seed: 1), references: references, in: RunDirectory(directory(name), for: .newRun)
    ).run()
  }

  @Test func theFirstStepIsThatOfAPlainComputation() throws {
    let plan = try plan(["max_steps": "1"])
    try train(plan, in: "run", references: [policy(seed: 2)])
    let examples = plan.course(promptCount: plan.trainingData.examples.count).0.examples(ofStep: 0).map {
      plan.trainingData.examples[$0]
    }
    let texts = try Texts(prompts: examples.map(\.prompt), responses: examples.map(\.responses))
    let (policy, reference) = (try policy(seed: 1), try policy(seed: 2))
    let own = try policy.forward(texts, columns: ["policy_logp", "policy_kl"], references: [reference])
    let compared = try reference.forward(texts, columns: ["policy_logp"])
    let (logp, kl) = (try #require(own["policy_logp"]), try #require(own["policy_kl"]))
    let referenceLogp = try #require(compared["policy_logp"])
    #expect(kl.allSatisfy { $0 > 0 })
    let count = examples.count
    let losses = (0..<count).map { prompt in
      let (chosen, rejected) = (prompt, count + prompt)
      let margin = logp[chosen] - referenceLogp[chosen] - logp[rejected] + referenceLogp[rejected]
      return log(1 + exp(-0.1 * (margin - 0.5 * (kl[rejected] - kl[chosen]))))
    }
    let found = try #require(metricsLines(directory("run"))[0]["loss"])
    #expect(abs(found - losses.reduce(0, +) / Double(count)) < 1e-6)
  }

  @Test func theLossFalls() throws {
    try train(plan(["max_steps": "30"]), in: "run")
    let losses = try metricsLines(directory("run")).filter { !$0.isEvaluation }.compactMap { $0["loss"] }
    #expect(abs(losses[0] - log(2)) < 1e-6)
    #expect(try #require(losses.last) < 0.6)
  }

  @Test(arguments: ["false", "true"])
  func aRunGoesOnToTheBit(movesReference: String) throws {
    let plan = try plan(["sync_ref_model": movesReference, "ref_model_sync_steps": "3"])
    try train(plan, in: "whole", references: [policy(seed: 2)])
    try train(plan, in: "parts", references: [policy(seed: 2)])
    for name in ["model", "checkpoint-8"] { try FileManager.default.removeItem(atPath: directory("parts/\(name)")) }
    _ = try Trainer(
      resuming: plan, policy: Self.type.get(), references: [Self.type.get()],
      in: RunDirectory(directory("parts"), for: .resumption)
    ).run()
    #expect(try metricsLines(directory("parts")) == metricsLines(directory("whole")))
    let file = "model/model.safetensors"
    #expect(try content(directory("parts/\(file)")) == content(directory("whole/\(file)")))
  }

  /// One bit of the reference's weights differs.
  @Test func aReferenceThatChangedIsNoticed() throws {
    let plan = try plan()
    try train(plan, in: "run", references: [policy(seed: 2)])
    for name in ["model", "checkpoint-8"] { try FileManager.default.removeItem(atPath: directory("run/\(name)")) }
    let path = directory("run/reference-0/policy/model.safetensors")
    var bytes = try content(path)
    bytes[bytes.count - 1] ^= 1
    try Data(bytes).write(to: URL(filePath: path))
    let failure = #expect(throws: Failure.self) {
      try Trainer(
        resuming: plan, policy: Self.type.get(), references: [Self.type.get()],
        in: RunDirectory(directory("run"), for: .resumption))
    }
    #expect(failure?.message.contains("reference-0: cannot be used: policy/model.safetensors has changed") == true)
  }

  /// The transformer can be loaded with another precision; a run cannot be resumed with one.
  @Test func anotherPrecisionIsRefusedByName() throws {
    let plan = try plan()
    try train(plan, in: "run")
    try FileManager.default.removeItem(atPath: directory("run/model"))
    let failure = #expect(throws: Failure.self) {
      try Trainer(
        resuming: plan, policy: Self.type.get(), options: ["bf16": 1],
        in: RunDirectory(directory("run"), for: .resumption))
    }
    #expect(failure?.message.contains("policy.bf16: false before, now true") == true)
  }

  @Test func severalReferencesAreRefusedWhereTheLossReadsOne() throws {
    let type = try Self.type.get()
    let failure = #expect(throws: Failure.self) { try plan().check(policy: type, references: [type, type]) }
    #expect(failure?.message.contains("reads policy_kl of one reference") == true)
  }
}
