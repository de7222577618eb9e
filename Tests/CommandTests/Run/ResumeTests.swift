import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct ResumeTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func arguments(_ name: String, steps: Int = 600) -> [String] {
    Tiny.train("--output", place.path(name), "--logging-steps", "10", "--save-steps", "0", steps: steps)
  }

  /// Starts a run and stops it with SIGINT once it has made some steps.
  private func interrupt(_ name: String) throws -> Tool.Outcome {
    let run = try Tool.start(arguments(name))
    while run.process.isRunning,
      try !place.exists("\(name)/metrics.jsonl") || place.text("\(name)/metrics.jsonl").isEmpty
    {
      usleep(1000)
    }
    run.process.interrupt()
    return try run.outcome()
  }

  private func checkpoints(_ name: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: place.path(name)).filter { $0.hasPrefix("checkpoint-") }
  }

  @Test func anInterruptedRunGoesOnBitForBit() throws {
    let stopped = try interrupt("a")
    #expect(stopped.status == SIGINT && stopped.wasEndedBySignal && stopped.output == "")
    #expect(stopped.error.contains("losskit: error: stopped after step "))
    #expect(stopped.error.hasSuffix("of 600, with a checkpoint; the same command with --resume goes on\n"))
    #expect(try checkpoints("a").count == 1 && !place.exists("a/model"))
    let resumed = try Tool.run(arguments("a") + ["--resume"])
    let whole = try Tool.run(arguments("b"))
    #expect(resumed.status == 0 && whole.status == 0)
    #expect(resumed.error.contains("losskit: resuming"))
    #expect(try bytes("a/model/model.safetensors") == bytes("b/model/model.safetensors"))
    #expect(try steps("a") == steps("b"))
  }

  @Test func otherSettingsAreRefused() throws {
    _ = try interrupt("a")
    let run = try Tool.run(arguments("a", steps: 601) + ["--resume"])
    #expect(run.status == 1 && run.output == "")
    #expect(
      run.error.contains("cannot be resumed with other settings")
        && run.error.contains("max_steps: 600 before, now 601"))
  }

  @Test func aFullDiskLeavesTheOldCheckpoint() throws {
    _ = try interrupt("a")
    let before = try checkpoints("a")
    let command = Tiny.train(
      "--output", place.path("a"), "--logging-steps", "10", "--save-steps", "1", "--resume", steps: 600)
    let run = try Tool.shell("ulimit -f 4; exec \"$LOSSKIT\" \(command.joined(separator: " "))")
    #expect(run.status == 1 && run.output == "", "\(run.error)")
    #expect(run.error.contains("losskit: error: ") && run.error.contains("File too large"))
    #expect(try checkpoints("a") == before)
    #expect(try Tool.run(arguments("a") + ["--resume"]).status == 0)
  }

  private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: place.path(name))) }

  private func steps(_ name: String) throws -> [Double?] {
    try jsonLines(try place.text("\(name)/metrics.jsonl")).map { $0["step"] as? Double }
  }
}
