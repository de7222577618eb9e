import FoundationEssentials
import LossKit
import LossKitSystem
import Testing

@testable import LossKitRuntime
@testable import LossKitTraining

/// Unpaired feedback, and columns for responses to other prompts.
@Suite struct MismatchedPairsTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  /// One response per prompt; two prompts share each text.
  private func data(_ count: Int, seed: UInt64 = 5) -> PreferenceDataset {
    let pairs = toyPairs(count, seed: seed).examples
    let examples = pairs.enumerated().map { index, pair in
      PreferenceExample(
        prompt: "say \(index / 2)", responses: [pair.responses[index % 2]], label: index % 2 == 0, line: index + 1)
    }
    return PreferenceDataset(examples: examples, source: "toy feedback")
  }

  private func plan(
    _ objective: Objective, _ values: [String: String] = [:], data: PreferenceDataset? = nil
  ) throws -> TrainingPlan {
    let defaults = [
      "learning_rate": "0.05", "max_steps": "8", "logging_steps": "1", "save_steps": "4", "eval_steps": "4",
      "lr_scheduler_type": "constant", "per_device_train_batch_size": "8", "max_grad_norm": "0",
    ]
    return TrainingPlan(
      objective: objective, configuration: try settings(defaults.merging(values) { $1 }),
      trainingData: data ?? self.data(48), evaluationData: self.data(12, seed: 6), policy: "toy")
  }

  @discardableResult
  private func train(_ plan: TrainingPlan, in name: String) throws -> Trainer {
    let trainer = try Trainer(
      plan, policy: toyPolicy(), references: [toyPolicy(seed: 9)], in: RunDirectory(directory(name), for: .newRun))
    _ = try trainer.run()
    return trainer
  }

  @Test func aPartnerIsTheExampleBeforeThatHasAnotherPrompt() throws {
    let measured = try MeasuredData(data(8), columns: [], measuredBy: toyPolicy(), batchSize: 8)
    #expect(try measured.partners(of: [0, 2, 4, 6]) == [6, 0, 2, 4])
    // 0 and 1, and 4 and 5, are responses to one prompt.
    #expect(try measured.partners(of: [4, 0, 1, 5]) == [1, 4, 4, 1])
    #expect(try measured.partners(of: [0, 1, 4]) == [4, 4, 1])
  }

  @Test func whereABatchHasOnePromptThePartnerIsTheNearestOfTheData() throws {
    let measured = try MeasuredData(data(8), columns: [], measuredBy: toyPolicy(), batchSize: 8)
    #expect(try measured.partners(of: [3]) == [4])
    #expect(try measured.partners(of: [2, 3]) == [1, 4])
    #expect(try measured.partners(of: [0]) == [2])
    #expect(try measured.partners(of: [7, 6]) == [5, 5])
  }

  @Test func promptsAreComparedByTheirBytes() throws {
    // "é" as one character and as a letter with an accent: equal to Swift, other bytes to a policy.
    let examples = ["caf\u{E9}", "cafe\u{301}"].map { PreferenceExample(prompt: $0, responses: ["e"], label: true) }
    let data = PreferenceDataset(examples: examples, source: "two forms")
    let measured = try MeasuredData(data, columns: [], measuredBy: toyPolicy(), batchSize: 8)
    #expect(try measured.partners(of: [0, 1]) == [1, 0])
    try data.checkOtherPrompts()
  }

  @Test func theFirstStepIsThatOfAPlainComputation() throws {
    let plan = try plan(Toy.kto(), ["max_steps": "1"])
    try train(plan, in: "run")
    let record = try metricsLines(directory("run"))[0]
    let examples = plan.course(promptCount: plan.trainingData.examples.count).0.examples(ofStep: 0)
    let (policy, reference) = (try toyPolicy(), try toyPolicy(seed: 9))
    #expect(abs(try #require(record["loss"]) - kto(examples, plan.trainingData, policy, reference)) < 1e-12)
  }

  /// KTO with β 0.1 in plain loops, with the anchor from the responses in `partners`.
  private func kto(
    _ examples: [Int], _ data: PreferenceDataset, _ policy: PolicyInstance, _ reference: PolicyInstance
  ) throws -> Double {
    let partners = try MeasuredData(data, columns: [], measuredBy: policy, batchSize: 8).partners(of: examples)
    let own = try logRatios(examples, examples, data, policy, reference)
    let other = try logRatios(examples, partners, data, policy, reference)
    let anchor = max(0, other.reduce(0, +) / Double(other.count))
    let losses = zip(own, examples).map { ratio, example in
      let z = 0.1 * (ratio - anchor)
      return 1 / (1 + exp(data.examples[example].label == true ? z : -z))
    }
    return losses.reduce(0, +) / Double(losses.count)
  }

  private func logRatios(
    _ prompts: [Int], _ responders: [Int], _ data: PreferenceDataset, _ policy: PolicyInstance,
    _ reference: PolicyInstance
  ) throws -> [Double] {
    let texts = try Texts(
      prompts: prompts.map { data.examples[$0].prompt }, responses: responders.map { data.examples[$0].responses })
    let values = try [policy, reference].map { try $0.forward(texts, columns: ["policy_logp"])["policy_logp"] ?? [] }
    return zip(values[0], values[1]).map { $0 - $1 }
  }

  @Test func gradientsPassThroughTheMismatchedResponses() throws {
    let plan = try plan(Toy.contrast(), ["max_steps": "1", "per_device_train_batch_size": "3"])
    let trainer = try train(plan, in: "run")
    let before = try logits(of: toyPolicy(), named: "before")
    let after = try logits(of: trainer.policy, named: "after")
    let examples = plan.course(promptCount: plan.trainingData.examples.count).0.examples(ofStep: 0)
    for symbol in "eatxq".utf8.map(Int.init) + [256] {
      func loss(_ change: Double) throws -> Double {
        var moved = before
        moved[symbol] += change
        return try contrast(examples, plan.trainingData, moved, logits(of: toyPolicy(seed: 9), named: "reference"))
      }
      let expected = try (loss(1e-4) - loss(-1e-4)) / 2e-4
      #expect(abs((before[symbol] - after[symbol]) / 0.05 - expected) < 1e-7, "symbol \(symbol)")
    }
  }

  /// The mean of −log σ(mean log-ratio − that of the partner's response), from the logits of two toy policies.
  private func contrast(
    _ examples: [Int], _ data: PreferenceDataset, _ policy: [Double], _ reference: [Double]
  ) throws -> Double {
    func rewards(_ responders: [Int]) -> [Double] {
      let totals = [policy, reference].map { log($0.reduce(0) { $0 + exp($1) }) }
      return responders.map { responder in
        let symbols = data.examples[responder].responses[0].utf8.map(Int.init) + [256]
        let ratios = symbols.map { policy[$0] - totals[0] - reference[$0] + totals[1] }
        return ratios.reduce(0, +) / Double(ratios.count)
      }
    }
    let partners = try MeasuredData(data, columns: [], measuredBy: toyPolicy(), batchSize: 8).partners(of: examples)
    let margins = zip(rewards(examples), rewards(partners)).map { $0 - $1 }
    return margins.reduce(0) { $0 + log(1 + exp(-$1)) } / Double(margins.count)
  }

  @Test(arguments: [false, true])
  func callsOfAnySizePairAlike(isRowwise: Bool) throws {
    let objective = try isRowwise ? Toy.contrast() : Toy.kto()
    #expect(objective.isRowwise == isRowwise)
    func run(_ size: String, _ accumulation: String) throws -> [MetricsRecord] {
      let name = "\(size)x\(accumulation)"
      try train(
        plan(objective, ["per_device_train_batch_size": size, "gradient_accumulation_steps": accumulation]), in: name)
      return try metricsLines(directory(name))
    }
    for (whole, parts) in zip(try run("8", "1"), try run("2", "4")) {
      for (a, b) in zip(whole.metrics, parts.metrics) {
        #expect(abs(a.value - b.value) <= 1e-12 * max(1, abs(a.value)), "\(a.name) at step \(whole.step)")
      }
    }
  }

  @Test(arguments: ["false", "true"])
  func aRunGoesOnToTheBit(movesReference: String) throws {
    let plan = try plan(Toy.kto(), ["sync_ref_model": movesReference, "ref_model_sync_steps": "3"])
    try train(plan, in: "whole")
    try train(plan, in: "parts")
    for name in ["model", "checkpoint-8"] { try FileManager.default.removeItem(atPath: directory("parts/\(name)")) }
    _ = try Trainer(
      resuming: plan, policy: toyPolicyType(), references: [toyPolicyType()],
      in: RunDirectory(directory("parts"), for: .resumption)
    ).run()
    #expect(try metricsLines(directory("parts")) == metricsLines(directory("whole")))
    #expect(try content(directory("parts/model/weights")) == content(directory("whole/model/weights")))
  }

  @Test(arguments: ["1", "2", "8"])
  func updatesOfOnePromptAreTrained(size: String) throws {
    // Six rows of one prompt, so that some updates have no other prompt.
    var examples = data(17).examples
    for index in 4..<10 { examples[index].prompt = "say it" }
    let data = PreferenceDataset(examples: examples, source: "toy feedback")
    let plan = try plan(
      Toy.kto(), ["per_device_train_batch_size": size, "num_train_epochs": "1", "max_steps": "-1"], data: data)
    try train(plan, in: "run")
    let records = try metricsLines(directory("run")).filter { !$0.isEvaluation }
    #expect(records.count == plan.course(promptCount: plan.trainingData.examples.count).1.totalSteps)
    let (policy, reference) = (try toyPolicy(), try toyPolicy(seed: 9))
    let expected = try kto(
      plan.course(promptCount: plan.trainingData.examples.count).0.examples(ofStep: 0), data, policy, reference)
    #expect(abs(try #require(records[0]["loss"]) - expected) < 1e-12)
  }

  @Test func dataOfOnePromptAreRefusedBeforeTheRunBegins() throws {
    var single = data(6)
    for index in single.examples.indices { single.examples[index].prompt = "say it" }
    func message(_ plan: TrainingPlan) throws -> String {
      let failure = #expect(throws: Failure.self) { try plan.check(policy: toyPolicyType()) }
      return try #require(failure?.message)
    }
    let expected =
      "toy feedback: the objective takes for each prompt a response to another prompt, and the data have one"
    #expect(try message(plan(Toy.kto(), data: single)).hasPrefix(expected))
    var held = try plan(Toy.kto())
    held.evaluationData = single
    #expect(try message(held).hasPrefix(expected))
    held.objective = try Toy.sft()
    try held.check(policy: toyPolicyType())
  }

  private func logits(of policy: PolicyInstance, named name: String) throws -> [Double] {
    Files.remove(directory(name))
    try Files.makeDirectory(directory(name))
    try policy.save(to: directory(name), withOptimizer: false)
    return try ToyPolicy.load(path: directory(name), options: ToyPolicy.defaultOptions, given: []).logits
  }
}
