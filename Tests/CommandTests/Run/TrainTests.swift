import Foundation
import Testing

@Suite struct TrainTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  @Test func aRunOnGeneratedReviews() throws {
    let output = place.path("run")
    let run = try Tool.run(Tiny.train("--output", output, "--logging-steps", "1", "--set", "beta=0.2", steps: 3))
    #expect(run.status == 0)
    let lines = run.output.split(separator: "\n")
    #expect(lines[0].hasPrefix("objective ") && lines[0].hasSuffix(" dpo(beta=0.2, label_smoothing=0) @ log-ratio"))
    #expect(lines[2].hasSuffix(" 3") && lines[4].hasSuffix(" \(output)/model"))
    for metric in ["eval_loss", "eval_rewards/chosen", "eval_rewards/accuracies", "eval_logps/rejected"] {
      #expect(run.output.contains("\n\(metric) "))
    }
    #expect(run.error.contains("train: step 3/3"))
    let metrics = try jsonLines(try place.text("run/metrics.jsonl"))
    #expect(metrics.map { $0["step"] as? Double } == [1, 2, 3, 3])
    let record = try #require(try json(try place.text("run/run.json")) as? [String: Any])
    #expect(record["objective"] as? String == "dpo(beta=0.2, label_smoothing=0) @ log-ratio")
    #expect((record["policy"] as? String)?.hasPrefix("transformer(vocab_size=259, hidden_size=8, ") == true)
    #expect(place.exists("run/model/config.json") && place.exists("run/model/model.safetensors"))
  }

  @Test func hyperparametersAsOptionsOfTheirOwn() throws {
    let short = try Tool.run(Tiny.train("--output", place.path("a"), "--beta", "0.3", "--label-smoothing=0.1"))
    let long = try Tool.run(
      Tiny.train("--output", place.path("b"), "--set", "beta=0.3", "--set", "label_smoothing=0.1"))
    #expect(short.status == 0 && long.status == 0)
    #expect(try model("a") == model("b"))
  }

  @Test func aRunFromAFileAndFromAnotherModel() throws {
    let rows = (0..<6).map { #"{"prompt": "Say \#($0):", "chosen": " yes \#($0)", "rejected": " no"}"# }
    let file = try place.write(
      (rows + [rows[0], #"{"prompt": "p", "chosen": "x", "rejected": "x"}"#]).joined(separator: "\n"), as: "data.jsonl")
    let first = try Tool.run(
      ["train", "--loss", "sft", "--max-steps", "1", "--data", file, "--output", place.path("first")] + Tiny.policy)
    #expect(first.status == 0)
    #expect(first.error.contains("7 pairs; 1 left out: chosen equal to rejected (line 8)"))
    let second = try Tool.run([
      "train", "--loss", "cal-dpo(beta=0.1)", "--max-steps", "1", "--data", file, "--eval-data", file, "--init",
      place.path("first/model"), "--output", place.path("second"),
    ])
    #expect(second.status == 0 && second.output.contains("eval_rewards/margins"))
    let record = try #require(try json(try place.text("second/run.json")) as? [String: Any])
    #expect(record["policy"] as? String == "transformer from \(place.path("first/model"))")
  }

  @Test func unpairedFeedback() throws {
    let rows = (0..<8).map {
      #"{"prompt": "Say \#($0 / 2):", "completion": " text \#($0)", "label": \#($0 % 2 == 0)}"#
    }
    let file = try place.write(rows.joined(separator: "\n"), as: "data.jsonl")
    let arguments = ["train", "--loss", "kto", "--max-steps", "2", "--data", file, "--eval-data", file] + Tiny.policy
    let run = try Tool.run(arguments + ["--output", place.path("run"), "--sync-ref-model"])
    #expect(run.status == 0 && run.output.contains("\neval_rewards/chosen "))
    let alone = try Tool.run(
      arguments + ["--output", place.path("alone"), "--per-device-train-batch-size", "1"])
    #expect(alone.status == 0, "\(alone.error)")
  }

  @Test(arguments: ["kto", "hpo"])
  func feedbackOnOnePrompt(loss: String) throws {
    func rows(_ prompt: (Int) -> String) -> String {
      (0..<8).map {
        #"{"prompt": "\#(prompt($0))", "completion": " a\#($0)", "label": \#($0 % 2 == 0), "advantage": 1}"#
      }
      .joined(separator: "\n")
    }
    let file = try place.write(rows { "Q\($0)" }, as: "data.jsonl")
    let same = try place.write(rows { _ in "same" }, as: "same.jsonl")
    let refused = try Tool.run(
      ["train", "--loss", loss, "--max-steps", "1", "--data", file, "--eval-data", same, "--output", place.path("run")]
        + Tiny.policy)
    #expect(refused.status == 65 && !place.exists("run"))
    #expect(refused.error.contains("same.jsonl: the objective takes for each prompt a response to another prompt"))
  }

  @Test func aScheduleByItsNameInTransformers() throws {
    func rates(_ arguments: String...) throws -> [Double] {
      let output = place.path(UUID().uuidString)
      let run = try Tool.run(Tiny.train("--output", output, "--logging-steps", "1", steps: 4) + arguments)
      #expect(run.status == 0, "\(run.error)")
      return try jsonLines(String(contentsOfFile: output + "/metrics.jsonl", encoding: .utf8)).prefix(4).map {
        (try #require($0["learning_rate"] as? Double) * 1e8).rounded() / 1e8
      }
    }
    #expect(
      try rates("--lr-scheduler-type", "linear", "--learning-rate", "8e-4") == [8e-4, 6e-4, 4e-4, 2e-4])
    #expect(
      try rates("--lr-scheduler-type", "constant_with_warmup", "--warmup-steps", "2", "--learning-rate", "8e-4")
        == [0, 4e-4, 8e-4, 8e-4])
    let missing = try Tool.run(
      Tiny.train("--output", place.path("none"), "--lr-scheduler-type", "cosine_with_min_lr"))
    #expect(missing.status == 64 && missing.error.contains("needs one of min_lr and min_lr_rate"))
    #expect(!place.exists("none"))
  }

  #if os(Linux)
    @Test func littleWorkOpensNoThreads() throws {
      let run = try Tool.start(
        Tiny.train(
          "--per-device-train-batch-size", "2", "--per-device-eval-batch-size", "2", "--output", place.path("run"),
          steps: 200), environment: ["OMP_NUM_THREADS": "3"])
      // OpenMP's threads persist once created.
      var threads: Set<String> = []
      while run.process.isRunning {
        let status = try? String(contentsOfFile: "/proc/\(run.process.processIdentifier)/status", encoding: .utf8)
        for line in status?.split(separator: "\n") ?? [] where line.hasPrefix("Threads:") {
          threads.insert(String(line))
        }
        usleep(1000)
      }
      #expect(try run.outcome().status == 0)
      #expect(threads == ["Threads:\t1"])
    }
  #endif

  @Test func columnsOfTheWholeDistribution() throws {
    for loss in ["tdpo2", "wpo"] {
      let run = try Tool.run(
        ["train", "--loss", loss, "--max-steps", "2", "--output", place.path(loss)] + Tiny.policy + Tiny.data)
      #expect(run.status == 0 && run.output.contains("\neval_loss "), "\(loss): \(run.error)")
    }
  }

  @Test func dataFromStandardInput() throws {
    let row = #"{"prompt": "Say:", "chosen": " yes", "rejected": " no"}"#
    let run = try Tool.run(
      ["train", "--loss", "dpo", "--max-steps", "1", "--data", "-", "--output", place.path("run")] + Tiny.policy,
      input: row + "\n")
    #expect(run.status == 0 && run.error.contains("standard input: 1 pair\n"))
  }

  @Test func anotherReference() throws {
    #expect(try Tool.run(Tiny.train("--output", place.path("base"))).status == 0)
    let run = try Tool.run(
      Tiny.train(
        "--output", place.path("run"), "--reference", place.path("base/model"), "--eval-on-start", "--seed", "7"))
    #expect(run.status == 0)
    let start = try #require(try jsonLines(try place.text("run/metrics.jsonl")).first)
    #expect(start["step"] as? Double == 0 && start["eval_implicit_rewards/chosen"] as? Double != 0)
  }

  /// The rewards of a model compared with itself are 0, in every precision.
  @Test func optionsOfThePolicyAreForItsReferencesToo() throws {
    #expect(try Tool.run(Tiny.train("--output", place.path("base"))).status == 0)
    func firstReward(_ name: String, _ more: [String]) throws -> Double? {
      let run = try Tool.run(
        ["train", "--loss", "dpo", "--max-steps", "1", "--eval-on-start", "true", "--init", place.path("base/model")]
          + ["--reference", place.path("base/model"), "--output", place.path(name)] + Tiny.data + more)
      #expect(run.status == 0, "\(run.error)")
      return try #require(try jsonLines(try place.text("\(name)/metrics.jsonl")).first)["eval_implicit_rewards/chosen"]
        as? Double
    }
    #expect(try firstReward("plain", []) == 0)
    #expect(try firstReward("rounded", ["--policy-set", "bf16=true"]) == 0)
    let own = ["--policy-set", "bf16=true", "--reference-set", "bf16=false"]
    #expect(try firstReward("own", own) != 0)
    let record = try #require(try json(try place.text("own/run.json")) as? [String: Any])
    #expect(record["reference"] as? String == "transformer(bf16=false) from \(place.path("base/model"))")
    let contradiction = try Tool.run(
      [
        "train", "--loss", "dpo", "--max-steps", "1", "--hidden-size", "16", "--num-hidden-layers", "1", "--reference",
        place.path("base/model"), "--output", place.path("other"),
      ] + Tiny.data)
    #expect(contradiction.status == 65)
    #expect(contradiction.error.contains("has hidden_size 8, not 16") && contradiction.error.contains("reference_set"))
    let alone = try Tool.run(Tiny.train("--output", place.path("alone"), "--reference-set", "bf16=true"))
    #expect(alone.status == 64 && alone.error.contains("reference_set is given, but no reference"))
  }

  @Test func aFileOfLogProbabilitiesAsReference() throws {
    let data = try place.write(#"{"prompt": "Say:", "chosen": " yes", "rejected": " no"}"#, as: "data.jsonl")
    let file = try place.write(
      #"{"prompt": "Say:", "responses": [" yes", " no"], "logps": [-3, -2], "token_counts": [5, 4]}"#, as: "ref.jsonl")
    let run = try Tool.run(
      [
        "train", "--loss", "dpo", "--max-steps", "1", "--data", data, "--reference", file, "--reference-policy",
        "log-probability-file", "--output", place.path("run"), "--logging-steps", "1",
      ] + Tiny.policy)
    #expect(run.status == 0, "\(run.error)")
    let metrics = try #require(try jsonLines(try place.text("run/metrics.jsonl")).first)
    let reward = try #require(metrics["implicit_rewards/chosen"] as? Double)
    let policy = try #require(metrics["logps/chosen"] as? Double)
    #expect(abs(reward - (policy + 3)) < 1e-9)
  }

  private func model(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: place.path("\(name)/model/model.safetensors")))
  }
}
