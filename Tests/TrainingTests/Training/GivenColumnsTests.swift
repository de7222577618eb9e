import LossKit
import LossKitSystem
import Testing

@testable import LossKitRuntime
@testable import LossKitTraining

/// Runs whose objectives read columns of the data.
@Suite struct GivenColumnsTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func plan(
    _ objective: Objective, _ data: PreferenceDataset, _ evaluation: PreferenceDataset? = nil,
    _ values: [String: String] = [:]
  ) throws -> TrainingPlan {
    let defaults = ["max_steps": "1", "logging_steps": "1", "per_device_train_batch_size": "2"]
    return TrainingPlan(
      objective: objective, configuration: try settings(defaults.merging(values) { $1 }), trainingData: data,
      evaluationData: evaluation, policy: "toy")
  }

  /// The metrics of the first step.
  private func firstMetrics(_ plan: TrainingPlan, references: [PolicyInstance] = []) throws -> MetricsRecord {
    let trainer = try Trainer(
      plan, policy: toyPolicy(), references: references, in: RunDirectory(directory("run"), for: .newRun))
    _ = try trainer.run()
    return try #require(metricsLines(directory("run")).first)
  }

  private func complaint(_ plan: TrainingPlan, references: [LoadedPolicyType] = []) throws -> String {
    let type = try toyPolicyType()
    return #expect(throws: Failure.self) { try plan.check(policy: type, references: references) }?.message ?? ""
  }

  private func pairs(_ members: String...) throws -> PreferenceDataset {
    let rows = members.enumerated().map { #"{"prompt": "p\#($0)", "chosen": "eee", "rejected": "xq"\#($1)}"# }
    return try Rows.dataset(rows.joined(separator: "\n"))
  }

  @Test func aMarginPerPromptIsTrainedOn() throws {
    let record = try firstMetrics(plan(Toy.margin(), pairs(#", "margin": 0.5"#, #", "margin": 0.5"#)))
    // At the reference the rewards are 0.
    #expect(abs(try #require(record["loss"]) - log1p(exp(0.5))) < 1e-15)
  }

  @Test func valuesOverTokensAreTrainedOn() throws {
    // Four tokens of eee and its end, three of xq and its end.
    let good = #", "weight": [[1, 1, 1, 1], [2, 2, 2]]"#
    let record = try firstMetrics(plan(Toy.weighted(), pairs(good, good)))
    #expect(record["loss"]?.isFinite == true)
    let bad = try plan(Toy.weighted(), pairs(good, #", "weight": [[1, 1, 1], [2, 2, 2]]"#))
    let failure = #expect(throws: Failure.self) {
      try Trainer(bad, policy: toyPolicy(), in: RunDirectory(directory("bad"), for: .newRun))
    }
    #expect(
      failure?.message
        == "rows.jsonl, line 2: response 1 of weight has 3 values, and the policy counts 4 tokens, the end token "
        + "included; write one for each")
  }

  @Test func logProbabilitiesOfTheDataStandInForTheReference() throws {
    let data = try pairs(
      #", "ref_chosen_logps": -1, "ref_rejected_logps": -100"#, #", "ref_chosen_logps": -1, "ref_rejected_logps": -100"#
    )
    let messages = Messages()
    let trainer = try Trainer(
      plan(Toy.dpo(), data), policy: toyPolicy(), in: RunDirectory(directory("run"), for: .newRun),
      logger: messages.logger)
    _ = try trainer.run()
    let record = try #require(metricsLines(directory("run")).first)
    for (name, reference) in [("chosen", -1.0), ("rejected", -100.0)] {
      let policy = try #require(record["logps/\(name)"])
      #expect(abs(try #require(record["implicit_rewards/\(name)"]) - (policy - reference)) < 1e-12)
    }
    #expect(
      messages.all.contains(
        "the reference is ref_chosen_logps and ref_rejected_logps of the data; no reference model is evaluated"))
    #expect(!messages.all.contains { $0.hasPrefix("computing the log-probabilities") })
    #expect(!Files.exists(directory("run/reference.bin")))
    let named = try complaint(plan(Toy.dpo(), data), references: [toyPolicyType()])
    #expect(named.hasPrefix("reference: the data supply ref_chosen_logps in place of a reference"))
    let moving = try complaint(plan(Toy.dpo(), data, nil, ["sync_ref_model": "true"]))
    #expect(moving.hasPrefix("sync_ref_model: the data supply ref_chosen_logps, which cannot follow the policy"))
  }

  @Test func dataToEvaluateOnNeedsWhatDataToLearnFromHas() throws {
    let with = try pairs(#", "reference_logp": [-1, -2]"#)
    #expect(
      try complaint(plan(Toy.dpo(), with, pairs("")))
        == "rows.jsonl: has no reference_logp, which rows.jsonl has; add it, or remove it there")
    #expect(
      try complaint(plan(Toy.dpo(), pairs(""), with)).hasPrefix(
        "rows.jsonl: has reference_logp, which the training data lack"))
  }

  @Test func aReferenceInPartIsRefused() throws {
    let data = try Rows.dataset(
      #"{"prompt": "p", "completion": "eee", "label": true, "reference_logp": -1}"#,
      #"{"prompt": "q", "completion": "xq", "label": false, "reference_logp": -1}"#)
    #expect(
      try complaint(plan(Toy.kto(), data)).hasPrefix(
        "reference_logp: the data supply it in place of a reference, and "))
  }

  @Test(arguments: [
    "token_count", "policy_logp", "chosen_tokens", "rejected_policy_logp", "policy_token_logp", "mismatched_reward",
  ])
  func namesOfComputedColumnsAreReserved(name: String) throws {
    let message = try complaint(plan(Toy.dpo(), pairs("", #", "\#(name)": [1000, 1]"#)))
    #expect(message.hasPrefix("rows.jsonl, line 2: \(name) names "), "\(message)")
    #expect(message.hasSuffix("that policy toy computes; rename the key, or remove it"))
  }

  @Test func aRowThatLacksAColumnIsNamed() throws {
    #expect(
      try complaint(plan(Toy.margin(), pairs(#", "margin": 1"#, "", #", "margin": 1"#)))
        == "rows.jsonl, line 2: has no margin, which other lines have; all lines need the same columns")
    let nowhere = try complaint(plan(Toy.margin(), pairs(#", "votes": 3"#)))
    #expect(
      nowhere.hasPrefix("margin: ") && nowhere.contains("nothing supplies it")
        && nowhere.contains("the data have votes"))
  }

  @Test func keysThatNobodyReadsAreSaid() throws {
    let messages = Messages()
    _ = try Trainer(
      plan(Toy.dpo(), pairs(#", "id": 1, "votes": [1, 2]"#)), policy: toyPolicy(),
      in: RunDirectory(directory("run"), for: .newRun),
      logger: messages.logger)
    #expect(messages.all.contains("rows.jsonl: not read: id, votes"))
  }

  @Test func pairsThatTheCutMakesEqualAreLeftOut() throws {
    let same = String(repeating: "same ", count: 20)
    func pair(_ chosen: String, _ rejected: String, _ line: Int) -> PreferenceExample {
      PreferenceExample(prompt: "p\(line)", responses: [chosen, rejected], line: line)
    }
    // The toy truncates to 63 bytes and the end.
    let early = "x" + same
    let data = PreferenceDataset(
      examples: [
        pair(same + "a", same + "b", 1), pair("eee", "xq", 2), pair(same + "a", early, 3), pair(same + "c", same, 4),
        pair(String(same.prefix(62)) + "a long end", String(same.prefix(62)) + "b long end", 5),
        pair(String(same.prefix(64)) + "a long end", String(same.prefix(64)) + "b long end", 6),
      ], source: "long")
    let messages = Messages()
    let trainer = try Trainer(
      plan(Toy.dpo(), data), policy: toyPolicy(), in: RunDirectory(directory("run"), for: .newRun),
      logger: messages.logger)
    #expect(trainer.data.training.dataset.examples.map(\.line) == [2, 3, 5])
    #expect(trainer.data.training.equalAfterCut == [1, 4, 6])
    #expect(trainer.data.training.truncatedResponses == 10 && trainer.data.training.truncatedPrompts == 0)
    #expect(trainer.order.stepsPerEpoch == 2)
    #expect(
      messages.all.contains(
        "long: cut to fit the policy: the beginning of 0 prompts, the end of 10 responses; left out: 3 pairs whose chosen and "
          + "rejected are equal then (lines 1, 4, 6)"))
    let nothing = PreferenceDataset(examples: [data.examples[0]], source: "long")
    let failure = #expect(throws: Failure.self) {
      try Trainer(plan(Toy.dpo(), nothing), policy: toyPolicy(), in: RunDirectory(directory("none"), for: .newRun))
    }
    #expect(
      failure?.message.hasPrefix("long: no pair is left: chosen and rejected are equal once they are cut") == true)
  }
}
