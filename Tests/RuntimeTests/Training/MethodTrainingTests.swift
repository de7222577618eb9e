import Foundation
import LossKit
import LossKitRuntime
import LossKitTraining
import Testing

/// Every loss, and every named objective, trains a small transformer for a few steps on data of the kind it takes.
@Suite struct MethodTrainingTests {
  @Test(arguments: BuiltPlugins.names(.loss) + BuiltPlugins.names(.objective))
  func aFewStepsAreFiniteAndMoveTheWeights(name: String) throws {
    let registry = try BuiltPlugins.registry()
    let objective = try Objective(name, in: registry)
    let type = try registry.policyType(named: "transformer")
    let options: [String: Double] = [
      "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
      "num_key_value_heads": 1,
    ]
    // A method with one reference uses the policy at its start.
    let references = try (0..<(objective.referenceCount > 1 ? objective.referenceCount : 0)).map {
      try type.create(options: options, seed: UInt64($0 + 2))
    }
    var configuration = TrainingConfiguration()
    for (key, value) in [
      ("max_steps", "3"), ("logging_steps", "1"), ("per_device_train_batch_size", "4"),
      ("gradient_accumulation_steps", "2"), ("learning_rate", "1e-3"),
    ] { try configuration.set(key, to: value) }
    let plan = TrainingPlan(
      objective: objective, configuration: configuration, trainingData: MethodData.dataset(for: objective),
      evaluationData: nil, policy: "transformer")
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: directory) }
    let run = try RunDirectory(directory.path, for: .newRun)
    let trainer = try Trainer(
      plan, policy: type.create(options: options, seed: 1), references: references, in: run)
    #expect(try trainer.run().isFinished)
    let records = try MetricsLog.read(directory.appendingPathComponent("metrics.jsonl").path)
    #expect(records.count == 3)
    for record in records {
      for metric in record.metrics {
        #expect(metric.value.isFinite, "\(name), step \(record.step): \(metric.name) is \(metric.value)")
      }
    }
    #expect(records.contains { ($0["grad_norm"] ?? 0) > 0 }, "\(name): the weights never moved")
  }
}

/// Generated data of every kind.
private enum MethodData {
  static func dataset(for objective: Objective) -> PreferenceDataset {
    let pairs = ControlledDataset.generate(seed: 5, train: 40, evaluation: 1).train.examples
    let examples =
      if objective.responses.upperBound == 1 {
        unpaired(pairs)
      } else if objective.responses.upperBound == 2 {
        pairs.map { with($0, scores: [3, 1]) }
      } else {
        rankings(pairs)
      }
    return PreferenceDataset(examples: examples, source: "generated for \(objective.description)")
  }

  /// An example with scores and the other columns that methods read from data.
  private static func with(_ example: PreferenceExample, scores: [Double]) -> PreferenceExample {
    PreferenceExample(
      prompt: example.prompt, responses: example.responses, scores: scores,
      columns: ["win_probability": scores.map { 1 / (1 + exp(-$0)) }])
  }

  /// Rankings of three and four responses by their true rewards.
  private static func rankings(_ pairs: [PreferenceExample]) -> [PreferenceExample] {
    stride(from: 0, to: pairs.count - 1, by: 2).map { index in
      let responses = (pairs[index].responses + pairs[index + 1].responses).prefix(3 + index / 2 % 2)
        .sorted { ControlledDataset.reward(of: $0) > ControlledDataset.reward(of: $1) }
      let example = PreferenceExample(prompt: pairs[index].prompt, responses: responses)
      return with(example, scores: responses.map { ControlledDataset.reward(of: $0) })
    }
  }

  private static func unpaired(_ pairs: [PreferenceExample]) -> [PreferenceExample] {
    pairs.enumerated().map { index, pair in
      let isDesirable = index % 2 == 0
      return PreferenceExample(
        prompt: pair.prompt, responses: [pair.responses[isDesirable ? 0 : 1]], label: isDesirable,
        columns: ["advantage": [isDesirable ? 0.3 : -0.2], "desirable_probability": [0.6]])
    }
  }
}
