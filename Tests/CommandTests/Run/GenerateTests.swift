import Foundation
import Testing

@Suite struct GenerateTests {
  let place: Workplace
  private let model: String

  /// Makes a small model over bytes.
  init() throws {
    place = try Workplace()
    model = place.path("run/model")
    try #require(try Tool.run(Tiny.train("--output", place.path("run"), steps: 1)).status == 0)
  }

  private func prompts(_ count: Int) throws -> String {
    try place.write(
      (0..<count).map { #"{"prompt": "Say \#($0):", "id": \#($0)}"# }.joined(separator: "\n"), as: "prompts.jsonl")
  }

  private func generate(_ data: String, _ more: String...) throws -> Tool.Outcome {
    try Tool.run(["generate", "--init", model, "--data", data] + more)
  }

  @Test func responsesThatTrainingReads() throws {
    let file = try prompts(3), output = place.path("samples.jsonl")
    let run = try generate(
      file, "--output", output, "--responses", "4", "--max-new-tokens", "12", "--batch-size", "5", "--temperature",
      "0.8")
    #expect(run.status == 0, "\(run.error)")
    #expect(run.output.contains("responses  12\n"))
    let rows = try jsonLines(try place.text("samples.jsonl"))
    #expect(rows.map { $0["prompt"] as? String } == ["Say 0:", "Say 1:", "Say 2:"])
    for row in rows {
      let ids = try #require(row["response_ids"] as? [[Double]]), counts = try #require(row["token_count"] as? [Double])
      let reasons = try #require(row["finish_reason"] as? [String])
      #expect(ids.map { Double($0.count) } == counts && counts.count == 4)
      #expect(counts.allSatisfy { (1...12).contains($0) })
      #expect(zip(ids, reasons).allSatisfy { ids, reason in reason == (ids.last == 258 ? "eos" : "length") })
      #expect((row["policy_logp"] as? [Double])?.allSatisfy { $0 < 0 } == true)
      #expect((row["responses"] as? [String])?.count == 4)
    }
    let training = try Tool.run(
      ["train", "--loss", "sft", "--max-steps", "1", "--data", output, "--init", model, "--output", place.path("next")])
    #expect(training.status == 0, "\(training.error)")

    let other = try generate(file, "--responses", "4", "--max-new-tokens", "12", "--temperature", "0.8", "--json")
    #expect(other.status == 0)
    #expect(
      try jsonLines(other.output).map { $0["responses"] as? [String] } == rows.map { $0["responses"] as? [String] })
    let seeded = try generate(
      file, "--responses", "4", "--max-new-tokens", "12", "--temperature", "0.8", "--seed", "1", "--json")
    #expect(seeded.output != other.output)
  }

  @Test func usageErrors() throws {
    let file = try prompts(1)
    #expect(try generate(file).status == 64)
    for (option, value, message) in [
      ("--top-p", "0", "top_p"), ("--temperature", "-1", "the temperature"), ("--responses", "0", "the number"),
      ("--min-p", "2", "min_p"), ("--batch-size", "0", "the batch size"),
    ] {
      let run = try generate(file, "--json", "\(option)=\(value)")
      #expect(run.status == 64 && run.error.contains("invalid value") && run.error.contains(message))
    }
    let other = try generate(file, "--json", "--policy", "log-probability-file")
    #expect(other.status == 64 && other.error.contains("draws no responses"))
    let unknown = try generate(file, "--json", "--policy", "transformr")
    #expect(unknown.status == 69 && unknown.error.contains("transformer"))
  }

  @Test func badDataKeepsTheOutput() throws {
    let output = try place.write("before", as: "samples.jsonl")
    let lines = try place.write("{\"prompt\": \"a\"}\n{\"text\": \"b\"}\n", as: "bad.jsonl")
    let bad = try generate(lines, "--output", output)
    #expect(bad.status == 65 && bad.error.contains("line 2: has no \"prompt\""))
    let long = String(repeating: "x", count: 400)
    let tooLong = try place.write("{\"prompt\": \"a\"}\n\n{\"prompt\": \"\(long)\"}\n", as: "long.jsonl")
    let refused = try generate(tooLong, "--output", output)
    #expect(refused.status == 1 && refused.error.contains("line 3: ") && refused.error.contains("max_length"))
    let messages = try place.write(#"{"prompt": [{"role": "user", "content": "a"}]}"#, as: "messages.jsonl")
    let chat = try generate(messages, "--output", output)
    #expect(chat.status == 65 && chat.error.contains("no chat template"))
    #expect(try place.text("samples.jsonl") == "before")
  }

  @Test func anInterruptionKeepsWhatIsDone() throws {
    let file = try prompts(2000), output = place.path("samples.jsonl")
    let run = try Tool.start([
      "generate", "--init", model, "--data", file, "--output", output, "--responses", "8", "--max-new-tokens", "200",
      "--json",
    ])
    while run.process.isRunning, try !run.hasOutput { usleep(1000) }
    run.process.interrupt()
    let stopped = try run.outcome()
    #expect(stopped.status == SIGINT && stopped.wasEndedBySignal, "\(stopped.error)")
    #expect(stopped.error.contains("of 2,000 prompts"))
    let rows = try jsonLines(try place.text("samples.jsonl"))
    #expect(!rows.isEmpty && rows.count < 2000)
    #expect(rows.allSatisfy { ($0["responses"] as? [String])?.count == 8 })
  }
}
