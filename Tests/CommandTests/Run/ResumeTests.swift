import Foundation
import LossKitSystem
import Testing

@Suite struct ResumeTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func arguments(_ name: String, steps: Int = 600) -> [String] {
    Tiny.train("--output", place.path(name), "--logging-steps", "10", "--save-steps", "0", steps: steps)
  }

  /// Starts a run and stops it with SIGINT after some steps.
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
    #expect(stopped.error.hasSuffix("of 600, with a checkpoint; the same command with --resume continues\n"))
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
    let run = try Tool.run(arguments("a") + ["--resume", "--learning-rate", "0.5", "--bf16", "true"])
    #expect(run.status == 1 && run.output == "")
    #expect(
      run.error.contains("cannot be resumed with other settings")
        && run.error.contains("learning_rate: 0.0001 before, now 0.5"))
    let policy = try Tool.run(arguments("a") + ["--resume", "--bf16", "true"])
    #expect(policy.status == 1 && policy.error.contains("policy.bf16: false before, now true"), "\(policy.error)")
    let reference = try Tool.run(arguments("a") + ["--resume", "--reference", place.path("nowhere")])
    #expect(
      reference.status == 1
        && reference.error.contains(
          "reference: the policy's start before, now transformer from \(place.path("nowhere"))")
    )
  }

  @Test func moreStepsAndOtherIntervalsAreNot() throws {
    _ = try interrupt("a")
    let run = try Tool.run(arguments("a", steps: 601) + ["--resume", "--eval-steps", "300"])
    #expect(run.status == 0, "\(run.error)")
    #expect(run.error.contains("resuming with max_steps: 600 before, now 601"))
    #expect(run.output.contains(" 601\n"))
    let finished = try Tool.run(arguments("a", steps: 601) + ["--resume"])
    #expect(finished.status == 0 && finished.error.contains("the run is finished"))
  }

  /// A plugin of the same name that computes something else.
  @Test func aChangedPluginIsRefusedInWords() throws {
    let plugins = try place.makeDirectory("plugins")
    func build(_ factor: Int) throws {
      try? FileManager.default.removeItem(atPath: "\(plugins)/libmine.so")
      try place.compile(
        """
        static double f(double c, double r, double beta, double *dc, double *dr) {
          const double m = beta * (c - r);
          *dc = -\(factor) * beta * losskit_sigmoid(-m); *dr = -*dc;
          return -\(factor) * losskit_log_sigmoid(m);
        }
        LOSSKIT_PAIRWISE_LOSS(f, "my-loss", "A loss.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))
        """, as: "plugins/libmine.so")
    }
    let command =
      [
        "train", "--loss", "my-loss", "--plugin-path", plugins, "--output", place.path("run"), "--save-steps", "1",
      ] + Tiny.policy + Tiny.data
    try build(1)
    #expect(try Tool.run(command + ["--max-steps", "2"]).status == 0)
    let record = try #require(try json(try place.text("run/run.json")) as? [String: Any])
    #expect(record["library_loss_my-loss"] as? String == "\(plugins)/libmine.so")
    #expect((record["library_loss_my-loss_digest"] as? String)?.count == 64)
    #expect((record["library_policy_transformer"] as? String)?.hasSuffix("/libTransformer.so") == true)
    #expect((record["library_reward_log-ratio"] as? String)?.hasSuffix("/libLogRatio.so") == true)
    try build(3)
    let run = try Tool.run(command + ["--max-steps", "3", "--resume"])
    #expect(run.status == 1)
    #expect(
      run.error.contains("the library of my-loss has changed since the run was begun: \(plugins)/libmine.so"),
      "\(run.error)")
  }

  @Test func aDamagedCheckpointIsPutAside() throws {
    let command = Tiny.train("--output", place.path("a"), "--save-steps", "2", steps: 4)
    #expect(try Tool.run(command).status == 0)
    let weights = "a/checkpoint-4/policy/model.safetensors"
    var bytes = try bytes(weights)
    bytes[bytes.count - 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: place.path(weights)))
    let run = try Tool.run(Tiny.train("--output", place.path("a"), "--save-steps", "2", "--resume", steps: 6))
    #expect(run.status == 0, "\(run.error)")
    #expect(
      run.error.contains("checkpoint-4: cannot be used: policy/model.safetensors has changed since it was written"))
    #expect(place.exists("a/checkpoint-4.damaged") && place.exists("a/model-4"))
  }

  @Test func aFullDiskLeavesTheOldCheckpoint() throws {
    _ = try interrupt("a")
    let before = try checkpoints("a")
    let command = Tiny.train(
      "--output", place.path("a"), "--logging-steps", "10", "--save-steps", "1", "--resume", steps: 600)
    let words = command.joined(separator: " ")
    let run = try Tool.shell("ulimit -f 4; exec env --default-signal=XFSZ \"$LOSSKIT\" \(words)")
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
