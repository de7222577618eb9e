import Foundation
import Testing

@Suite struct CompareTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func compare(_ arguments: String..., output: String = "run") throws -> Tool.Outcome {
    try Tool.run(
      ["compare"] + arguments + ["--max-steps", "2", "--start-max-steps", "1", "--output", place.path(output)]
        + Tiny.policy + Tiny.data)
  }

  @Test func twoLossesFromOneStart() throws {
    let run = try compare("dpo", "cal-dpo(calibration=0.5)", "--beta", "0.1", "--learning-rate", "cal-dpo=1e-3")
    #expect(run.status == 0, "\(run.error)")
    let lines = run.output.split(separator: "\n")
    #expect(
      lines[0].split(separator: " ") == [
        "held", "out", "loss", "rewards/chosen", "rewards/rejected", "margins", "r", "chosen", "r", "rejected",
        "accuracy",
        "seconds",
      ])
    #expect(lines.dropFirst(2).map { $0.prefix { $0 != " " } } == ["dpo", "cal-dpo", "longer"])
    let page = try place.text("run/report.html")
    for part in [
      "<svg", "dpo: the forces of the loss by itself", "comes to rest at the marked point",
      "dpo(beta=0.1, label_smoothing=0) @ log-ratio", "cal-dpo(beta=0.1, calibration=0.5) @ log-ratio",
    ] { #expect(page.contains(part)) }
    let records = try ["dpo", "cal-dpo"].map { name in
      try #require(try json(try place.text("run/\(name)/run.json")) as? [String: String])
    }
    #expect(records.map { $0["learning_rate"] } == ["0.0001", "0.001"])
    #expect(records[0]["seed"] == records[1]["seed"] && records[0]["data_digest"] == records[1]["data_digest"])
    #expect(page.contains(try #require(records[0]["objective_hash"])))
    let first = try records.indices.map { index in
      let name = ["dpo", "cal-dpo"][index]
      return try #require(try jsonLines(try place.text("run/\(name)/metrics.jsonl")).first)
    }
    #expect(first.map { $0["eval_logps/chosen"] as? Double }[0] == first.map { $0["eval_logps/chosen"] as? Double }[1])
  }

  @Test func oneLossTwiceIsToldApartByItsValues() throws {
    let run = try compare("dpo(beta=0.1)", "dpo(beta=0.2)", "--start", "none")
    #expect(run.status == 0, "\(run.error)")
    let names = run.output.split(separator: "\n").dropFirst(2).map { $0.prefix { $0 != " " } }
    #expect(names == ["dpo(beta=0.1)", "dpo(beta=0.2)", "longer"])
    #expect(place.exists("run/dpo-beta-0-2/run.json"))
  }

  @Test func dataIsSplitWhereNoneIsHeldOut() throws {
    let rows = (0..<20).map { #"{"prompt": "Say \#($0):", "chosen": " yes", "rejected": " no"}"# }
    let file = try place.write(rows.joined(separator: "\n"), as: "data.jsonl")
    let run = try Tool.run(
      [
        "compare", "dpo", "--start", "none", "--max-steps", "1", "--data", file, "--output", place.path("run"),
      ] + Tiny.policy)
    #expect(run.status == 0 && run.error.contains("2 of 20 examples are held out"))
    #expect(run.error.contains("start:") == false)
  }

  @Test func aRecipeWithValuesByLoss() throws {
    let recipe = try place.write(
      "loss: [dpo, ipo]\nlearning_rate: {dpo: 1e-3, ipo: 2e-3}\nmax_steps: 1\nstart_max_steps: 1\n", as: "recipe.yaml")
    let run = try Tool.run(
      ["compare", "--recipe", recipe, "--output", place.path("run")] + Tiny.policy + Tiny.data)
    #expect(run.status == 0, "\(run.error)")
    for (name, rate) in [("dpo", "0.001"), ("ipo", "0.002")] {
      let record = try #require(try json(try place.text("run/\(name)/run.json")) as? [String: String])
      #expect(record["learning_rate"] == rate)
    }
  }

  @Test func dataIsReadBeforeTheModel() throws {
    let file = try place.write(#"{"prompt": "p", "chosen": "a"}"#, as: "data.jsonl")
    let run = try Tool.run(
      ["compare", "dpo", "--data", file, "--init", "/nowhere", "--output", place.path("run")])
    #expect(run.status == 65 && run.error.contains("data.jsonl, line 1: "), "\(run.error)")
    #expect(!place.exists("run"))
  }

  @Test func wrongUsage() throws {
    let none = try compare()
    #expect(none.status == 64 && none.error.hasPrefix("losskit: error: no objective is named"))
    let rate = try compare("dpo", "--learning-rate", "ipo=1")
    #expect(rate.status == 64 && rate.error.contains("unknown objective of this comparison 'ipo'"))
    let setting = try compare("dpo", "--set", "bta=1")
    #expect(setting.status == 64 && setting.error.contains("unknown hyperparameter 'bta'; did you mean 'beta'?"))
    let seeds = try compare("dpo", "ipo", "--seed", "ipo=1")
    #expect(seeds.status == 64 && seeds.error.contains("differ in seed"))
    let cycles = try compare("dpo", "--num-cycles", "2")
    #expect(cycles.status == 64 && cycles.error.contains("num_cycles: lr_scheduler_type cosine does not read it"))
    #expect(!place.exists("run"))
    let unknown = try compare("dpoo")
    #expect(
      unknown.status == 69 && unknown.error == "losskit: error: unknown loss 'dpoo'; did you mean 'dpo' or 'dpop'?\n")
  }
}
