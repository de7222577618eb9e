import FoundationEssentials
import LossKitSystem
import Testing

@testable import LossKit
@testable import LossKitRuntime
@testable import LossKitTraining

/// TR-DPO: a reference that follows the policy.
@Suite struct MovingReferenceTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func plan(_ objective: Objective? = nil, _ values: [String: String] = [:]) throws -> TrainingPlan {
    let defaults = [
      "learning_rate": "0.05", "max_steps": "12", "logging_steps": "1", "save_steps": "6", "eval_steps": "4",
      "per_device_train_batch_size": "4", "gradient_accumulation_steps": "2", "sync_ref_model": "true",
      "ref_model_sync_steps": "1", "ref_model_mixup_alpha": "1",
    ]
    return TrainingPlan(
      objective: try objective ?? Toy.dpo(), configuration: try settings(defaults.merging(values) { $1 }),
      trainingData: toyPairs(48),
      evaluationData: toyPairs(12, seed: 6), policy: "toy")
  }

  private func train(_ plan: TrainingPlan, in name: String, references: [PolicyInstance] = []) throws -> Trainer {
    let trainer = try Trainer(
      plan, policy: toyPolicy(), references: references, in: RunDirectory(directory(name), for: .newRun))
    _ = try trainer.run()
    return trainer
  }

  @Test(arguments: [false, true])
  func withFullWeightAtEveryStepItIsThePolicyOfTheStepBefore(isRowwise: Bool) throws {
    let trainer = try train(plan(isRowwise ? Toy.dpo() : Toy.centered()), in: "run")
    let records = try metricsLines(directory("run"))
    #expect(records.count == 15)
    for record in records {
      let prefix = record.isEvaluation ? MetricsRecord.evaluationPrefix : ""
      #expect(record[prefix + "rewards/chosen"] == 0)
      #expect(record[prefix + "rewards/margins"] == 0)
    }
    let texts = try Texts(prompts: ["p"], responses: [["tea"]])
    let reference = try #require(trainer.computation.references.first)
    #expect(
      try reference.forward(texts, columns: ["policy_logp"])
        == trainer.policy.forward(texts, columns: ["policy_logp"]))
    #expect(!FileManager.default.fileExists(atPath: directory("run/reference.bin")))
  }

  @Test func aMoveMixesTheWeights() throws {
    let start = try logits(of: toyPolicy(), named: "start")
    let plan = try plan(
      Toy.dpo(),
      [
        "ref_model_sync_steps": "3", "ref_model_mixup_alpha": "0.6", "max_steps": "5", "save_steps": "1",
        "save_total_limit": "0",
      ])
    _ = try train(plan, in: "run")
    func stored(_ step: Int, _ name: String) throws -> [Double] {
      try logits(at: directory("run/checkpoint-\(step)/\(name)"))
    }
    #expect(try stored(2, "reference") == start)
    let mixed = zip(try stored(3, "policy"), start).map { 0.6 * $0 + (1 - 0.6) * $1 }
    #expect(try stored(3, "reference") == mixed)
    #expect(try stored(5, "reference") == mixed)
    // Step 4 uses the reference that moved after step 3.
    #expect(try stored(4, "policy") != stored(3, "policy"))
  }

  @Test func aReferenceThatIsHandedInStaysAsItWas() throws {
    let reference = try toyPolicy(seed: 9)
    let before = try logits(of: reference, named: "before")
    let trainer = try train(plan(), in: "run", references: [reference])
    #expect(try logits(of: reference, named: "after") == before)
    #expect(try metricsLines(directory("run"))[0]["rewards/chosen"] != 0)
    #expect(trainer.computation.references.count == 1)
  }

  @Test(arguments: [false, true])
  func aRunGoesOnToTheBit(isRowwise: Bool) throws {
    let plan = try plan(
      isRowwise ? Toy.dpo() : Toy.centered(), ["ref_model_sync_steps": "4", "ref_model_mixup_alpha": "0.6"])
    _ = try train(plan, in: "whole")
    _ = try train(plan, in: "parts")
    try FileManager.default.removeItem(atPath: directory("parts/model"))
    try FileManager.default.removeItem(atPath: directory("parts/checkpoint-12"))
    _ = try Trainer(
      resuming: plan, policy: toyPolicyType(), in: RunDirectory(directory("parts"), for: .resumption)
    ).run()
    #expect(try metricsLines(directory("parts")) == metricsLines(directory("whole")))
    for file in ["model/weights", "checkpoint-12/policy/weights", "checkpoint-12/reference/weights"] {
      #expect(try content(directory("parts/\(file)")) == content(directory("whole/\(file)")), "\(file)")
    }
  }

  @Test func whatCannotMoveIsRefused() throws {
    func message(_ plan: TrainingPlan, references: [LoadedPolicyType]) throws -> String {
      let failure = #expect(throws: Failure.self) { try plan.check(policy: toyPolicyType(), references: references) }
      return try #require(failure?.message)
    }
    let type = try toyPolicyType()
    #expect(try message(plan(), references: [type, type]).contains("sync_ref_model: 2 references"))
    #expect(try message(plan(Toy.sft()), references: []).contains("reads no reference"))
    let other = try LoadedPolicyType(PolicyExport<OtherPolicy>.descriptor(), library: "tests")
    #expect(try message(plan(), references: [other]).contains("invalid type other-toy of a reference; expected toy"))
  }

  @Test func aMoveThatFailsIsToldWithItsStep() throws {
    // An unused symbol has probability 0 for the reference; with full weight, 0 · ∞ is NaN.
    var logits = try logits(of: toyPolicy(seed: 9), named: "start")
    logits[1] = -.infinity
    let impossible = ToyPolicy(logits: logits, velocity: logits.map { _ in 0 })
    try Files.makeDirectory(directory("impossible"))
    try impossible.save(to: directory("impossible"), withOptimizer: false)
    let reference = try toyPolicyType().load(path: directory("impossible"))
    let failure = #expect(throws: Failure.self) {
      try train(plan(Toy.dpo(), ["max_steps": "3", "ref_model_sync_steps": "3"]), in: "run", references: [reference])
    }
    #expect(failure?.message.hasPrefix("step 3 of 3: ") == true, "\(failure?.message ?? "")")
  }

  private func logits(of policy: PolicyInstance, named name: String) throws -> [Double] {
    try Files.makeDirectory(directory(name))
    try policy.save(to: directory(name), withOptimizer: false)
    return try logits(at: directory(name))
  }

  private func logits(at path: String) throws -> [Double] {
    try ToyPolicy.load(path: path, options: ToyPolicy.defaultOptions, given: []).logits
  }
}

/// A provider of another type with the same columns.
private final class OtherPolicy: LogProbabilityProvider {
  static let name = "other-toy"
  static let summary = "Knows nothing."
  static let defaultOptions = 0
  static let hyperparameters: [Hyperparameter<Int>] = []
  static let columns: [Column] = [.logProbability]

  static func load(path: String, options: Int, given: Set<String>) throws -> OtherPolicy { OtherPolicy() }

  func measure(
    _ texts: TextBatch, tokenCounts: UnsafeMutableBufferPointer<UInt32>, truncated: UnsafeMutableBufferPointer<UInt32>?
  ) throws {}

  func forward(_ batch: PolicyBatch, keepingActivations: Bool) throws {}
}
