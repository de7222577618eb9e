import FoundationEssentials
import LossKit
import LossKitJSON
import LossKitSystem
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

  @discardableResult
  private func resume(_ plan: TrainingPlan, in name: String) throws -> [String] {
    let messages = Messages()
    _ = try Trainer(
      resuming: plan, policy: toyPolicyType(), in: RunDirectory(directory(name), for: .resumption),
      logger: messages.logger
    ).run()
    return messages.all
  }

  private func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: directory(name)) }

  private func flip(_ name: String) throws {
    var bytes = try content(directory(name))
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(filePath: directory(name)))
  }

  private func facts(_ name: String) throws -> JSONObject {
    guard case .object(let facts)? = try JSONValue(ofFile: directory("\(name)/run.json")) else { return [:] }
    return facts
  }

  @Test(arguments: [false, true])
  func twentyStepsAreTenAndTenMore(isRowwise: Bool) throws {
    let plan = try plan(isRowwise ? Toy.dpo() : Toy.centered())
    try begin(plan, in: "whole")
    try begin(plan, in: "parts")
    // The state of a run killed after step 14: no model, a checkpoint of step 10, and later lines of metrics.
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
    #expect(message.contains("objective_hash: pair-loss(beta=0.1) @ log-ratio before, now likelihood"))
    #expect(!message.contains("save_total_limit"))
    #expect(!message.contains("seed"))
  }

  @Test func otherDataAreRefused() throws {
    var plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    try FileManager.default.removeItem(atPath: directory("run/model"))
    plan.trainingData.examples[0].responses[0] += "!"
    let failure = #expect(throws: Failure.self) { try resume(plan, in: "run") }
    #expect(failure?.message.contains("data_digest: toy pairs holds other examples") == true)
  }

  @Test func anotherStartIsRefused() throws {
    var plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    try remove("run/model")
    plan.start = "elsewhere"
    plan.references = ["toy from there"]
    plan.policy = "toy(stated=true)"
    var message = try #require(#expect(throws: Failure.self) { try resume(plan, in: "run") }?.message)
    #expect(message.contains("model_name_or_path: none before, now elsewhere"))
    #expect(message.contains("reference: the policy's start before, now toy from there"))
    (plan.start, plan.references) = (nil, [])
    // A policy without an identity is identified by its options.
    message = try #require(#expect(throws: Failure.self) { try resume(plan, in: "run") }?.message)
    #expect(message.contains("policy: toy before, now toy(stated=true)"))
  }

  @Test func anotherVersionIsRefused() throws {
    let plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    try remove("run/model")
    #expect(try facts("run")["losskit_version"] == .string(lossKitVersion))
    let path = directory("run/run.json")
    let text = String(decoding: try content(path), as: UTF8.self)
    try Data(text.replacing("\"losskit_version\": \"\(lossKitVersion)\"", with: "\"losskit_version\": \"0.9.0\"").utf8)
      .write(to: URL(filePath: path))
    let failure = #expect(throws: Failure.self) { try resume(plan, in: "run") }
    #expect(failure?.message.contains("losskit_version: 0.9.0 before, now \(lossKitVersion)") == true)
  }

  // MARK: More steps

  /// Steps already made keep their rates; remaining steps have the rates of a run of the new length.
  @Test func aRunMayHaveMoreStepsAndOtherIntervals() throws {
    try begin(plan(Toy.dpo()), in: "run")
    try remove("run/model")
    try remove("run/checkpoint-20")
    let longer = try plan(
      Toy.dpo(),
      ["max_steps": "30", "logging_steps": "1", "eval_steps": "0", "save_steps": "15", "save_total_limit": "9"])
    let said = try resume(longer, in: "run")
    #expect(said.contains("resuming with max_steps: 20 before, now 30"))
    let rates = try metricsLines(directory("run")).filter { $0.step > 10 && !$0.isEvaluation }
    #expect(rates.map(\.step) == Array(11...30))
    let schedule = longer.course(promptCount: longer.trainingData.examples.count).1
    #expect(schedule.totalSteps == 30)
    #expect(rates.map { $0["learning_rate"] } == (10..<30).map { schedule.rate(atStep: $0) })
    let lines = try metricsLines(directory("run"))
    try begin(plan(Toy.dpo()), in: "plain")
    #expect(try lines.prefix(4) == metricsLines(directory("plain")).prefix(4) && lines[3].step == 10)
    #expect(try CheckpointStore(directory: RunDirectory(directory("run"), for: .resumption)).steps() == [10, 15, 30])
    let facts = try facts("run")
    #expect(facts["max_steps"] == .string("30") && facts["total_steps"] == .string("30"))
    guard case .array(let resumptions)? = facts["resumptions"], case .string(let line)? = resumptions.first else {
      Issue.record("no resumption is recorded")
      return
    }
    #expect(line.hasPrefix("from step 10 on: ") && line.contains("max_steps: 20 before, now 30"))
    #expect(line.contains("logging_steps: 4 before, now 1"))
  }

  @Test func aFinishedRunGoesOnWithMoreSteps() throws {
    try begin(plan(Toy.dpo()), in: "run")
    let model = try content(directory("run/model/weights"))
    let said = try resume(plan(Toy.dpo(), ["max_steps": "30"]), in: "run")
    #expect(said.contains { $0.contains("its model is kept as") && $0.contains("run/model-20") })
    #expect(try content(directory("run/model-20/weights")) == model)
    #expect(try content(directory("run/model/weights")) != model)
    #expect(try metricsLines(directory("run")).last?.step == 30)
  }

  @Test func aFinishedRunWithoutACheckpointSaysSo() throws {
    try begin(plan(Toy.dpo(), ["save_steps": "0"]), in: "run")
    let failure = #expect(throws: Failure.self) {
      try resume(plan(Toy.dpo(), ["save_steps": "0", "max_steps": "30"]), in: "run")
    }
    #expect(failure?.message.contains("the run is finished and has no checkpoint") == true)
  }

  @Test func fewerStepsAreRefused() throws {
    try begin(plan(Toy.dpo()), in: "run")
    try remove("run/model")
    let failure = #expect(throws: Failure.self) { try resume(plan(Toy.dpo(), ["max_steps": "19"]), in: "run") }
    #expect(failure?.message.contains("was to have 20 steps, now 19") == true)
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
    let finished = #expect(throws: Trainer.Finished.self) { try resume(plan, in: "run") }
    #expect(finished?.message.contains("the run is finished; its model is in \(directory("run/model"))") == true)
  }

  @Test func aFinishedRunWithADamagedModelSaysSo() throws {
    let plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    let model = try content(directory("run/model/weights"))
    try flip("run/model/weights")
    let failure = #expect(throws: Failure.self) { try resume(plan, in: "run") }
    #expect(failure?.message.contains("run/model: cannot be used: weights has changed since it was written") == true)
    try remove("run/model")
    try resume(plan, in: "run")
    #expect(try content(directory("run/model/weights")) == model)
  }

  // MARK: Damaged checkpoints

  /// If the newest checkpoint is invalid, the previous one is used, and the run ends with the same result.
  @Test(arguments: [
    ("flipped weight", "policy/weights has changed since it was written"),
    ("short weights", "policy/weights has "), ("no weights", "policy/weights is missing"),
    ("flipped state", "trainer.json has changed"), ("no manifest", "it has no losskit-manifest.json"),
    ("flipped manifest", "checkpoint-20"), ("a file", "it is not a directory"),
    ("an empty directory", "it has no losskit-manifest.json"),
    ("another step", "trainer.json is that of step 10"),
  ])
  func theNewestWholeCheckpointServes(damage: String, expected: String) throws {
    let plan = try plan(Toy.centered())
    try begin(plan, in: "whole")
    try begin(plan, in: "run")
    try remove("run/model")
    let newest = "run/checkpoint-20", path = directory(newest)
    switch damage {
    case "flipped weight": try flip("\(newest)/policy/weights")
    case "short weights":
      try Data(content("\(path)/policy/weights").dropLast()).write(to: URL(filePath: "\(path)/policy/weights"))
    case "no weights": try remove("\(newest)/policy/weights")
    case "flipped state": try flip("\(newest)/trainer.json")
    case "no manifest": try remove("\(newest)/losskit-manifest.json")
    case "flipped manifest": try flip("\(newest)/losskit-manifest.json")
    case "a file":
      try remove(newest)
      try Data("note".utf8).write(to: URL(filePath: path))
    case "an empty directory":
      try remove(newest)
      try Files.makeDirectory(path)
    default:
      try remove(newest)
      try FileManager.default.copyItem(atPath: directory("run/checkpoint-10"), toPath: path)
    }
    let said = try resume(plan, in: "run")
    let warning = try #require(said.first { $0.contains("checkpoint-20: cannot be used: ") }, "\(said)")
    #expect(
      warning.contains(expected) && warning.hasSuffix("goes on from \(directory("run/checkpoint-10"))"), "\(warning)")
    #expect(try metricsLines(directory("run")) == metricsLines(directory("whole")))
    for file in ["model/weights", "checkpoint-20/policy/weights"] {
      #expect(try content(directory("run/\(file)")) == content(directory("whole/\(file)")), "\(file)")
    }
    #expect(Files.exists(directory("run/checkpoint-20.damaged")))
  }

  @Test func namesThatAreNoneOfACheckpointAreLeftAlone() throws {
    let plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    try remove("run/model")
    let names = [
      "checkpoint-", "checkpoint-x", "checkpoint-030", "checkpoint-+40", "checkpoint--1", "checkpoint-50.bak",
    ]
    for name in names { try Data("note".utf8).write(to: URL(filePath: directory("run/\(name)"))) }
    #expect(try !resume(plan, in: "run").contains { $0.contains("cannot be used") })
    for name in names { #expect(Files.exists(directory("run/\(name)"))) }
  }

  @Test func whereNoCheckpointIsWholeEachIsNamed() throws {
    let plan = try plan(Toy.dpo())
    try begin(plan, in: "run")
    try remove("run/model")
    for step in [10, 20] { try flip("run/checkpoint-\(step)/policy/weights") }
    let message = try #require(#expect(throws: Failure.self) { try resume(plan, in: "run") }?.message)
    #expect(message.contains("no checkpoint can be used; start a new run:"))
    for step in [10, 20] { #expect(message.contains("checkpoint-\(step): policy/weights has changed")) }
    #expect(Files.exists(directory("run/checkpoint-20")))
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
