import LossKit
import LossKitJSON
import LossKitSystem
import Testing

@testable import LossKitRuntime
@testable import LossKitTraining

@Suite struct TrainerTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func plan(
    _ objective: Objective, _ values: [String: String] = [:], data: PreferenceDataset = toyPairs(48),
    evaluation: PreferenceDataset? = toyPairs(20, seed: 6)
  ) throws -> TrainingPlan {
    let defaults = [
      "learning_rate": "0.05", "max_steps": "12", "logging_steps": "1", "lr_scheduler_type": "constant",
    ]
    return TrainingPlan(
      objective: objective, configuration: try settings(defaults.merging(values) { $1 }), trainingData: data,
      evaluationData: evaluation, policy: "toy")
  }

  @discardableResult
  private func train(_ plan: TrainingPlan, in name: String) throws -> Trainer {
    let trainer = try Trainer(plan, policy: toyPolicy(), in: RunDirectory(directory(name), for: .newRun))
    _ = try trainer.run()
    return trainer
  }

  @Test func learnsToPreferTheChosenResponse() throws {
    let trainer = try Trainer(
      plan(Toy.dpo(), ["max_steps": "60", "eval_on_start": "true"]), policy: toyPolicy(),
      in: RunDirectory(directory("run"), for: .newRun))
    let outcome = try trainer.run()
    #expect(outcome.isFinished)
    #expect(outcome.step == 60)
    let first = try #require(metricsLines(directory("run")).first)
    #expect(first["eval_rewards/chosen"] == 0)
    #expect(try #require(outcome.evaluation?["eval_rewards/accuracies"]) > 0.7)
    #expect(try #require(outcome.evaluation?["eval_rewards/margins"]) > 0.1)
  }

  @Test func metricsHaveTheFieldsNames() throws {
    try train(plan(Toy.dpo(), ["eval_steps": "6", "logging_steps": "5"]), in: "run")
    let records = try MetricsLog.read(directory("run") + "/metrics.jsonl")
    #expect(records.map(\.step) == [5, 6, 10, 12, 12])
    #expect(records.map(\.isEvaluation) == [false, true, false, false, true])
    let training = try #require(records.first)
    for name in [
      "loss", "learning_rate", "grad_norm", "rewards/chosen", "rewards/rejected", "rewards/margins",
      "rewards/accuracies",
      "pairs_per_second",
    ] {
      #expect(training[name]?.isFinite == true, "\(name)")
    }
    #expect(training.epoch == 5.0 / 6)
    #expect(records[1]["eval_loss"]?.isFinite == true)
    let text = String(decoding: try content(directory("run") + "/metrics.jsonl"), as: UTF8.self)
    #expect(text.hasPrefix("{\"step\": 5, \"epoch\": 0.8333333333333334, \"loss\": "))
  }

  enum Kind: CaseIterable { case rowwise, batchwise, tokenwise, rankings }

  @Test(arguments: Kind.allCases)
  func accumulationIsTheSameAsOneBatch(kind: Kind) throws {
    let objective =
      switch kind {
      case .rowwise: try Toy.dpo()
      case .batchwise: try Toy.centered()
      case .tokenwise: try Toy.tokenwise()
      case .rankings: try Toy.ranking()
      }
    #expect(objective.isRowwise == (kind != .batchwise))
    let data = kind == .rankings ? toyRankings(48) : toyPairs(48)
    let evaluation = kind == .rankings ? toyRankings(20, seed: 6) : toyPairs(20, seed: 6)
    func run(_ size: String, _ accumulation: String) throws -> [MetricsRecord] {
      let name = "\(size)x\(accumulation)"
      try train(
        plan(
          objective, ["per_device_train_batch_size": size, "gradient_accumulation_steps": accumulation], data: data,
          evaluation: evaluation), in: name)
      return try metricsLines(directory(name))
    }
    let records = try [run("8", "1"), run("1", "8"), run("3", "3")]
    for (whole, parts) in zip(records[0], records[1]) {
      #expect(whole.step == parts.step)
      for (a, b) in zip(whole.metrics, parts.metrics) {
        #expect(abs(a.value - b.value) <= 1e-12 * max(1, abs(a.value)), "\(a.name) at step \(whole.step)")
      }
    }
    #expect(records[2].count == records[0].count)
  }

  @Test func theOrderOfTheDataDependsOnTheSeedAlone() throws {
    let order = DataOrder(seed: 3, count: 10, updateSize: 4)
    #expect(order.stepsPerEpoch == 3)
    let passes = [0, 1].map { pass in (0..<3).flatMap { order.examples(ofStep: pass * 3 + $0) } }
    for pass in passes { #expect(pass.sorted() == Array(0..<10)) }
    #expect(passes[0] != passes[1])
    #expect(order.examples(ofStep: 2).count == 2)
    #expect(DataOrder(seed: 4, count: 10, updateSize: 4).examples(ofStep: 0) != order.examples(ofStep: 0))
    #expect(
      try plan(Toy.dpo()).course(promptCount: 48).0.examples(ofStep: 7)
        == plan(Toy.sft()).course(promptCount: 48).0.examples(ofStep: 7))
  }

  @Test func theRecordTellsWhatDecidesTheRun() throws {
    let data = PreferenceDataset(
      examples: [PreferenceExample(prompt: "p", responses: [String(repeating: "e", count: 99), "x"], line: 1)],
      source: "long")
    let plan = try plan(Toy.dpo(), ["max_steps": "1"], data: data)
    try train(plan, in: "run")
    let content = try content(directory("run/run.json")).filter { $0 != UInt8(ascii: "\n") }
    guard case .object(let facts) = try JSONLines.lines(in: content, name: "run.json")[0].value else { return }
    #expect(facts["objective"] == .string(plan.objective.description))
    #expect(facts["objective_hash"] == .string(plan.objective.hash))
    #expect(facts["policy_type"] == .string("toy 1"))
    #expect(facts["losskit_version"] == .string(lossKitVersion) && facts["total_steps"] == .string("1"))
    #expect(facts["data_digest"] == .string(data.digest))
    #expect(facts["data_truncated"] == .string("1"))
    #expect(facts["learning_rate"] == .string("0.05"))
    for key in TrainingConfiguration.keys { #expect(facts[key.name] != nil, "\(key.name)") }
  }

  @Test func aColumnThatNobodySuppliesIsNamedBeforeTraining() throws {
    let output = try RunDirectory(directory("run"), for: .newRun)
    let failure = #expect(throws: Failure.self) {
      try Trainer(plan(Toy.needy()), policy: toyPolicy(), in: output)
    }
    let message = try #require(failure?.message)
    #expect(message.hasPrefix("policy_kl: "))
    #expect(message.contains("policy_logp, policy_token_logp, reference_logp"))
    #expect(try Files.names(in: output.path) == [".lock"])
  }

  @Test func responsesThatTheObjectiveDoesNotTakeAreNamedWithTheirLine() throws {
    var data = toyPairs(8)
    data.examples[3].responses.append("third")
    let failure = #expect(throws: Failure.self) {
      try Trainer(plan(Toy.dpo(), data: data), policy: toyPolicy(), in: RunDirectory(directory("run"), for: .newRun))
    }
    #expect(failure?.message.hasPrefix("toy pairs, line 4: 3 responses") == true)
  }

  @Test func anInterruptionStopsAfterTheStepWithACheckpoint() throws {
    let interruption = Interruption()
    let plan = try plan(Toy.dpo(), ["eval_on_start": "true"])
    do {
      let trainer = try Trainer(plan, policy: toyPolicy(), in: RunDirectory(directory("run"), for: .newRun))
      interruption.request()
      let outcome = try trainer.run(interruption: interruption)
      #expect(!outcome.isFinished)
      #expect(outcome.step == 0)
    }
    let resumed = try Trainer(
      resuming: plan, policy: toyPolicyType(), in: RunDirectory(directory("run"), for: .resumption))
    #expect(try resumed.run().isFinished)
    try train(plan, in: "whole")
    #expect(try metricsLines(directory("run")) == metricsLines(directory("whole")))
    #expect(try content(directory("run/model/weights")) == content(directory("whole/model/weights")))
  }

  /// Held-out data that requests an interruption at its fourth prompt.
  private func bell(_ interruption: Interruption, _ name: String) -> PreferenceDataset {
    var data = toyPairs(20, seed: 6)
    data.examples[3].prompt = name
    ToyPolicy.hangBell(at: name) { interruption.request() }
    return data
  }

  @Test(arguments: ["3", "6"])
  func anEvaluationIsInterruptedAndMadeUpFor(steps: String) throws {
    // The log-probabilities of the reference are computed before the closure is installed.
    let name = "bell after \(steps)", interruption = Interruption()
    let plan = try plan(
      Toy.dpo(), ["max_steps": steps, "eval_steps": "3", "per_device_eval_batch_size": "2", "save_steps": "0"],
      evaluation: bell(Interruption(), name))
    do {
      let trainer = try Trainer(plan, policy: toyPolicy(), in: RunDirectory(directory("run"), for: .newRun))
      ToyPolicy.hangBell(at: name) { interruption.request() }
      let outcome = try trainer.run(interruption: interruption)
      #expect(!outcome.isFinished && outcome.step == 3 && outcome.evaluation == nil)
    }
    ToyPolicy.hangBell(at: name, nil)
    let resumed = try Trainer(
      resuming: plan, policy: toyPolicyType(), in: RunDirectory(directory("run"), for: .resumption))
    #expect(try resumed.run().isFinished)
    try train(plan, in: "whole")
    #expect(try metricsLines(directory("run")) == metricsLines(directory("whole")))
    #expect(try content(directory("run/model/weights")) == content(directory("whole/model/weights")))
  }

  @Test func theReferenceIsInterruptedBetweenItsBatches() throws {
    let interruption = Interruption()
    let plan = try plan(
      Toy.dpo(), ["per_device_eval_batch_size": "2"], evaluation: bell(interruption, "bell of the reference"))
    let output = try RunDirectory(directory("run"), for: .newRun)
    #expect(throws: Interruption.Stop.self) {
      try Trainer(plan, policy: toyPolicy(), in: output, interruption: interruption)
    }
    #expect(try Files.names(in: output.path) == [".lock"])
  }

  @Test func theOrderOfAPassIsTheSameWheneverItIsAskedFor() {
    let order = DataOrder(seed: 3, count: 10, updateSize: 4)
    for step in [0, 1, 4, 3, 0, 7, 2] {
      #expect(order.examples(ofStep: step) == DataOrder(seed: 3, count: 10, updateSize: 4).examples(ofStep: step))
    }
  }
}
