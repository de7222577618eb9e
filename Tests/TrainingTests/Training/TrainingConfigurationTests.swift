import LossKit
import Testing

@testable import LossKitRuntime
@testable import LossKitTraining

@Suite struct TrainingConfigurationTests {
  @Test func everyKeyTakesItsOwnTextBack() throws {
    for key in TrainingConfiguration.keys {
      var configuration = TrainingConfiguration()
      try configuration.set(key.name, to: key.defaultText)
      #expect(configuration == TrainingConfiguration(), "\(key.name)")
    }
    #expect(Set(TrainingConfiguration.keys.map(\.name)).count == TrainingConfiguration.keys.count)
  }

  @Test func valuesArrive() throws {
    let configuration = try settings([
      "learning_rate": "5e-4", "lr_scheduler_type": "constant", "max_steps": "7", "eval_on_start": "true",
    ])
    #expect(configuration.learningRate == 5e-4)
    #expect(configuration.schedulerType == .constant)
    #expect(configuration.maxSteps == 7)
    #expect(configuration.evalOnStart)
  }

  @Test(arguments: [
    ("learning_rate", "nan"), ("learning_rate", "0"), ("learning_rate", "-1"), ("learning_rate", "inf"),
    ("learning_rate", "fast"), ("warmup_ratio", "1.5"), ("per_device_train_batch_size", "0"), ("max_steps", "-2"),
    ("max_steps", "2.5"), ("max_steps", "0"), ("seed", "-1"), ("lr_scheduler_type", "linea"),
    ("eval_on_start", "yes"), ("max_grad_norm", "nan"), ("num_cycles", "0"), ("min_lr_rate", "1.1"),
  ])
  func whatIsOutOfBoundsIsRefused(name: String, text: String) throws {
    var configuration = TrainingConfiguration()
    let failure = #expect(throws: Failure.self) { try configuration.set(name, to: text) }
    #expect(failure?.message.hasPrefix("invalid value \(text) for \(name); expected ") == true)
    #expect(configuration == TrainingConfiguration())
  }

  @Test func noStepsAndStepsNotSetAreToldApart() throws {
    var configuration = TrainingConfiguration()
    let failure = #expect(throws: Failure.self) { try configuration.set("max_steps", to: "0") }
    #expect(
      failure?.message
        == "invalid value 0 for max_steps; expected a whole number from 1 to 1000000000, or -1 for none")
    try configuration.set("max_steps", to: "-1")
    #expect(configuration.totalSteps(promptCount: 80) == 10)
  }

  @Test(arguments: [
    (["min_lr": "1e-6"], "min_lr: lr_scheduler_type cosine does not read it"),
    (["min_lr_rate": "0.1", "lr_scheduler_type": "linear"], "min_lr_rate: lr_scheduler_type linear does not read it"),
    (["num_cycles": "2"], "num_cycles: lr_scheduler_type cosine does not read it"),
    (["lr_scheduler_type": "constant", "warmup_steps": "1"], "lr_scheduler_type constant has no warm-up"),
    (["lr_scheduler_type": "constant", "warmup_ratio": "0.1"], "lr_scheduler_type constant has no warm-up"),
    (["lr_scheduler_type": "cosine_with_min_lr"], "needs one of min_lr and min_lr_rate"),
    (
      ["lr_scheduler_type": "cosine_with_min_lr", "min_lr": "1e-6", "min_lr_rate": "0.1"],
      "needs one of min_lr and min_lr_rate"
    ),
    (["lr_scheduler_type": "cosine_with_min_lr", "min_lr": "1"], "invalid value 1.0 for min_lr; expected at most"),
  ])
  func settingsThatNothingReadsAreRefused(values: [String: String], message: String) throws {
    let plan = TrainingPlan(
      objective: try Toy.dpo(), configuration: try settings(values), trainingData: toyPairs(8), policy: "toy")
    let failure = #expect(throws: Failure.self) { try plan.check(policy: toyPolicyType()) }
    #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
  }

  @Test func theLowestRateArrivesAsAPartOfTheHighest() throws {
    let values = ["lr_scheduler_type": "cosine_with_min_lr", "learning_rate": "2e-4"]
    let absolute = try settings(values.merging(["min_lr": "5e-5"]) { $1 })
    let relative = try settings(values.merging(["min_lr_rate": "0.25"]) { $1 })
    #expect(absolute.schedule(totalSteps: 9) == relative.schedule(totalSteps: 9))
    #expect(relative.schedule(totalSteps: 9).rate(atStep: 9) == 5e-5)
    let cycles = try settings(["lr_scheduler_type": "cosine_with_restarts", "num_cycles": "4"])
    #expect(cycles.schedule(totalSteps: 9).cycles == 4)
  }

  @Test func anUnknownKeyNamesTheNearest() throws {
    var configuration = TrainingConfiguration()
    let failure = #expect(throws: Failure.self) { try configuration.set("learning_rat", to: "1") }
    #expect(failure?.message.contains("learning_rate") == true)
  }

  @Test func stepsFollowFromEpochsOrAreGiven() throws {
    var configuration = try settings([
      "per_device_train_batch_size": "4", "gradient_accumulation_steps": "2", "num_train_epochs": "1.5",
      "warmup_ratio": "0.1",
    ])
    #expect(configuration.totalSteps(promptCount: 20) == 5)
    #expect(configuration.schedule(totalSteps: 15).warmupSteps == 2)
    try configuration.set("max_steps", to: "3")
    #expect(configuration.totalSteps(promptCount: 20) == 3)
  }
}
