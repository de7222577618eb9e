import LossKit
import Testing

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
    ("max_steps", "2.5"), ("seed", "-1"), ("lr_scheduler_type", "linear"), ("eval_on_start", "yes"),
    ("max_grad_norm", "nan"),
  ])
  func whatIsOutOfBoundsIsRefused(name: String, text: String) throws {
    var configuration = TrainingConfiguration()
    let failure = #expect(throws: Failure.self) { try configuration.set(name, to: text) }
    #expect(failure?.message.hasPrefix("\(name): \(text) will not do; it takes ") == true)
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
