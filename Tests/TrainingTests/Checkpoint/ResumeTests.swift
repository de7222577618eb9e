import FoundationEssentials
import LossKit
import Testing

@testable import LossKitRuntime
@testable import LossKitTraining

@Suite struct ResumeTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func plan(_ objective: Objective, _ values: [String: String] = [:]) throws -> TrainingPlan {
    let defaults = [
      "learning_rate": "0.05", "max_steps": "20", "logging_steps": "4", "save_steps": "10", "eval_steps": "5",
      "per_device_train_batch_size": "4", "gradient_accumulation_steps": "2", "warmup_steps": "3",
    ]
    return TrainingPlan(
      objective: objective, configuration: try settings(defaults.merging(values) { $1 }), trainingData: toyPairs(50),
      evaluationData: toyPairs(12, seed: 6), policy: "toy")
  }

  private func begin(_ plan: TrainingPlan, in name: String) throws {
    _ = try Trainer(plan, policy: toyPolicy(), in: RunDirectory(directory(name), for: .newRun)).run()
  }

  private func resume(_ plan: TrainingPlan, in name: String) throws {
    _ = try Trainer(
      resuming: plan, policy: toyPolicyType(), in: RunDirectory(directory(name), for: .resumption)
    ).run()
  }

  @Test(arguments: [false, true])
  func twentyStepsAreTenAndTenMore(isRowwise: Bool) throws {
    let plan = try plan(isRowwise ? Toy.dpo() : Toy.centered())
    try begin(plan, in: "whole")
    try begin(plan, in: "parts")
    // The state of a run that was ended by force after step 14: no model, a checkpoint of step 10, lines beyond it.
    try FileManager.default.removeItem(atPath: directory("parts/model"))
    try FileManager.default.removeItem(atPath: directory("parts/checkpoint-20"))
    try FileManager.default.createDirectory(
      atPath: directory("parts/.partial-checkpoint-20"), withIntermediateDirectories: false)
    try resume(plan, in: "parts")
    #expect(try metricsLines(directory("parts")) == metricsLines(directory("whole")))
    for file in ["model/weights", "checkpoint-20/policy/weights"] {
      #expect(try content(directory("parts/\(file)")) == content(directory("whole/\(file)")), "\(file)")
    }
    #expect(!FileManager.default.fileExists(atPath: directory("parts/.partial-checkpoint-20")))
  }

  @Test func anotherSettingIsRefusedByName() throws {
    let original = try plan(Toy.dpo())
    try begin(original, in: "run")
    try FileManager.default.removeItem(atPath: directory("run/model"))
    let other = try plan(Toy.sft(), ["learning_rate": "0.01", "save_total_limit": "5"])
    let failure = #expect(throws: Failure.self) { try resume(other, in: "run") }
    let message = try #require(failure?.message)
    #expect(message.contains("learning_rate: 0.05 before, now 0.01"))
    #expect(message.contains("objective_hash: "))
    #expect(!message.contains("save_total_limit"))
    #expect(!message.contains("seed"))
  }

  @Test func otherDataAreRefused() throws {
    var plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    try FileManager.default.removeItem(atPath: directory("run/model"))
    plan.trainingData.examples[0].responses[0] += "!"
    let failure = #expect(throws: Failure.self) { try resume(plan, in: "run") }
    #expect(failure?.message.contains("data_digest: ") == true)
  }

  @Test func aRunOfAVersionWithFewerSettingsGoesOn() throws {
    let begun = try plan(Toy.dpo())
    try begin(begun, in: "run")
    try FileManager.default.removeItem(atPath: directory("run/model"))
    let path = directory("run/run.json")
    let lines = String(decoding: try content(path), as: UTF8.self).split(separator: "\n")
    let older = lines.filter { !$0.contains("\"num_cycles\"") }
    #expect(older.count == lines.count - 1)
    try Data(older.joined(separator: "\n").utf8).write(to: URL(filePath: path))
    let failure = #expect(throws: Failure.self) { try resume(plan(Toy.dpo(), ["num_cycles": "2"]), in: "run") }
    #expect(failure?.message.contains("num_cycles: 1 before, now 2") == true)
    try resume(begun, in: "run")
  }

  @Test func aFinishedRunIsNotResumed() throws {
    let plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    let failure = #expect(throws: Failure.self) { try resume(plan, in: "run") }
    #expect(failure?.message.contains("the run is finished") == true)
  }

  @Test func aDamagedCheckpointIsNamed() throws {
    let plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    try FileManager.default.removeItem(atPath: directory("run/model"))
    try Data("{\"step\": 20".utf8).write(to: URL(filePath: directory("run/checkpoint-20/trainer.json")))
    let failure = #expect(throws: Failure.self) { try resume(plan, in: "run") }
    #expect(failure?.message.contains("checkpoint-20/trainer.json: damaged") == true)
  }

  @Test func theReferenceFileIsCheckedAgainstItsRun() throws {
    let plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    try FileManager.default.removeItem(atPath: directory("run/model"))
    let path = directory("run/reference.bin")
    try Data(content(path).dropLast(3)).write(to: URL(filePath: path))
    let failure = #expect(throws: Failure.self) { try resume(plan, in: "run") }
    #expect(failure?.message.contains("reference.bin: damaged") == true)
  }

  @Test func stateComesBackToTheBit() throws {
    var state = TrainerState(objectiveState: [0.1, -.infinity, .leastNonzeroMagnitude])
    state.step = 7
    state.metricsLength = 99
    state.window.add([.init("loss", 1.0 / 3)], weight: 8)
    let path = directory("trainer.json")
    try Files.write(Array(state.json.indented.utf8), to: path)
    #expect(try TrainerState(path: path) == state)
  }
}
