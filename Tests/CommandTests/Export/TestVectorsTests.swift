import Foundation
import LossKitRuntime
import Testing

@Suite struct TestVectorsTests {
  private static let objectives = [
    "dpo", "cal-dpo(beta=0.05)", "ipo", "ipo @ mean-log-ratio", "hinge", "sft", "sft(per=batch-token)", "aot", "bco",
    "dpo(beta=0.1) + 0.2*sft(per=token)", "dpo @ log-probability",
  ]

  private func vectors(_ objective: String) throws -> [String: Any] {
    let run = try Tool.run(["export", objective, "--format", "vectors"])
    try #require(run.status == 0, "\(run.error)")
    return try #require(try json(run.output) as? [String: Any])
  }

  private func cases(_ document: [String: Any]) throws -> [[String: Any]] {
    try #require(document["cases"] as? [[String: Any]])
  }

  @Test(arguments: objectives)
  func everyValueComesBackFromItsInputs(_ text: String) throws {
    let document = try vectors(text)
    let registry = PluginRegistry(searchPath: try PluginSearchPath([try Tool.directory()]))
    let objective = try Objective(text, in: registry)
    #expect(document["hash"] as? String == objective.hash)
    #expect(document["objective"] as? String == objective.description)
    for vector in try cases(document) {
      let name = try #require(vector["name"] as? String)
      var state = try #require(vector["state"] as? [Double])
      let evaluation = try objective.evaluate(try batch(vector), state: &state)
      #expect(evaluation.loss == vector["loss"] as? [Double], "\(name)")
      #expect(evaluation.reward == vector["reward"] as? [Double], "\(name)")
      #expect(evaluation.gradients == vector["gradients"] as? [String: [Double]], "\(name)")
      #expect(state == vector["state_after"] as? [Double], "\(name)")
    }
  }

  @Test func theCommandEvaluateGivesTheSame() throws {
    let objective = "dpo(beta=0.1)"
    for vector in try cases(try vectors(objective)) {
      let batch = try batch(vector)
      let policy = try #require(batch.columns["policy_logp"])
      let reference = try #require(batch.columns["reference_logp"])
      let rows = (0..<batch.prompts).map { prompt in
        let other = prompt + batch.prompts
        return "{\"policy_logp\": [\(policy[prompt]), \(policy[other])], "
          + "\"reference_logp\": [\(reference[prompt]), \(reference[other])]}"
      }
      let run = try Tool.run(
        ["evaluate", "--loss", objective, "--input", "-", "--output", "-"], input: rows.joined(separator: "\n"))
      #expect(run.status == 0)
      #expect(try jsonLines(run.output).compactMap { $0["loss"] as? Double } == vector["loss"] as? [Double])
    }
  }

  @Test func kinksExtremesAndRankingsAreThere() throws {
    let names = try cases(try vectors("hinge")).compactMap { $0["name"] as? String }
    #expect(
      names == [
        "ordinary", "at-reference", "zero-margin", "target-margin", "calibration-target", "extreme-10", "extreme-1000",
        "one-token", "many-tokens",
      ])
    let ranking = try #require(try cases(try vectors("sft")).last)
    #expect(ranking["counts"] as? [Double] == [2, 4, 3, 1, 5])
    let stateful = try cases(try vectors("bco"))
    #expect(stateful[1]["state"] as? [Double] == stateful[0]["state_after"] as? [Double])
  }

  @Test func theKinkOfTheHingeHasSlopeZero() throws {
    let kink = try #require(try cases(try vectors("hinge")).first { $0["name"] as? String == "calibration-target" })
    let gradients = try #require(kink["gradients"] as? [String: [Double]])
    #expect((kink["loss"] as? [Double])?.first == 0 && gradients["policy_logp"]?.first == 0)
  }

  @Test func aFileTakesThem() throws {
    let place = try Workplace()
    let run = try Tool.run(["export", "dpo", "--format", "vectors", "--output", place.path("dpo.json")])
    #expect(run.status == 0 && run.output == "" && run.error == "")
    let document = try #require(try json(try place.text("dpo.json")) as? [String: Any])
    #expect(document["format"] as? String == "losskit vectors" && document["version"] as? Double == 1)
    let columns = try #require(document["columns"] as? [[String: Any]])
    #expect(columns.map { $0["name"] as? String } == ["policy_logp", "reference_logp"])
    #expect(columns.allSatisfy { $0["unit"] as? String == "nats" && $0["meaning"] as? String != "" })
  }

  private func batch(_ vector: [String: Any]) throws -> Batch {
    let counts = vector["counts"] as? [Double]
    let offsets = vector["token_offsets"] as? [Double]
    return Batch(
      prompts: Int(try #require(vector["prompts"] as? Double)),
      responses: Int(try #require(vector["responses"] as? Double)),
      references: Int(try #require(vector["references"] as? Double)), counts: counts?.map { UInt32($0) },
      tokenOffsets: offsets?.map { Int($0) }, columns: try #require(vector["inputs"] as? [String: [Double]]))
  }
}
