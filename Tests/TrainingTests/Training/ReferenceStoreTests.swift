import FoundationEssentials
import LossKit
import LossKitSystem
import Testing

@testable import LossKitRuntime
@testable import LossKitTraining

/// Log-probabilities of references, cached between runs.
@Suite struct ReferenceStoreTests {
  let directory: TemporaryDirectory
  let messages = Messages()
  init() throws { directory = try TemporaryDirectory() }

  private var cache: String { directory("cache") }

  private func plan(_ values: [String: String] = [:], pairs: Int = 20) throws -> TrainingPlan {
    let defaults = ["max_steps": "3", "learning_rate": "0.05", "per_device_train_batch_size": "4"]
    return TrainingPlan(
      objective: try Toy.dpo(), configuration: try settings(defaults.merging(values) { $1 }),
      trainingData: toyPairs(pairs), evaluationData: toyPairs(6, seed: 6), policy: "toy")
  }

  /// The run's log-probabilities of the reference, and the messages.
  private func run(
    _ name: String, _ plan: TrainingPlan, seed: UInt64 = 1
  ) throws -> (reference: [UInt8], messages: [String]) {
    let logger = messages.logger
    messages.clear()
    _ = try Trainer(
      plan, policy: toyPolicy(seed: seed), in: RunDirectory(directory(name), for: .newRun), referenceCache: cache,
      logger: logger
    ).run()
    return (try content(directory("\(name)/reference.bin")), messages.all)
  }

  private func files() throws -> [String] { try Files.names(in: cache) }

  @Test func aSecondRunReadsWhatTheFirstKept() throws {
    let first = try run("first", try plan())
    #expect(first.messages.contains { $0.contains("computing") })
    let name = try #require(try files().first)
    #expect(try files().count == 1 && name.hasSuffix(".bin") && name.count == 68)
    let second = try run("second", try plan(["learning_rate": "0.01"]))
    #expect(!second.messages.contains { $0.contains("computing") })
    #expect(second.messages.contains { $0.contains(name) })
    #expect(second.reference == first.reference)
    #expect(try files() == [name])
  }

  /// The cached values are used: a modified file with a correct checksum changes the run.
  @Test func whatIsKeptIsUsed() throws {
    let first = try run("first", try plan())
    let path = "\(cache)/\(try #require(try files().first))"
    var bytes = Array(try content(path).dropLast(64))
    bytes[bytes.count - 1] ^= 1
    try Data(bytes + Array(SHA256Digest.hexadecimal(of: bytes).utf8)).write(to: URL(filePath: path))
    #expect(try run("second", try plan()).reference != first.reference)
  }

  @Test func otherWeightsDataAndBatchesAreOtherFiles() throws {
    _ = try run("first", try plan())
    _ = try run("weights", try plan(), seed: 2)
    _ = try run("data", try plan(pairs: 21))
    _ = try run("batches", try plan(["per_device_eval_batch_size": "3"]))
    #expect(try files().count == 4)
  }

  /// A truncated, modified, empty or foreign file is not used, but replaced with a warning.
  @Test(arguments: ["cut", "changed", "empty", "foreign", "words"])
  func filesThatWillNotDoAreComputedAnew(damage: String) throws {
    let first = try run("first", try plan())
    let path = "\(cache)/\(try #require(try files().first))", good = try content(path)
    var bad = good
    switch damage {
    case "cut": bad.removeLast(9)
    case "changed": bad[good.count - 100] ^= 4
    case "empty": bad = []
    case "foreign":
      _ = try run("other", try plan(), seed: 2)
      let other = try #require(try files().first { !path.hasSuffix($0) })
      bad = try content("\(cache)/\(other)")
    default: bad = Array("all is well\n".utf8)
    }
    try Data(bad).write(to: URL(filePath: path))
    let second = try run("second", try plan())
    #expect(second.messages.contains { $0.contains(path) && $0.contains("anew") })
    #expect(second.reference == first.reference)
    #expect(try content(path) == good)
    #expect(try files().allSatisfy { $0.hasSuffix(".bin") })
  }

  @Test func aDirectoryThatCannotBeIsAnErrorThatNamesIt() throws {
    try Data("file".utf8).write(to: URL(filePath: cache))
    let failure = #expect(throws: Failure.self) { try run("first", try plan()) }
    #expect(failure?.message.contains(cache) == true)
  }

  @Test func comparisonsKeepThemToo() throws {
    func compare(_ name: String) throws -> [String] {
      let logger = messages.logger
      messages.clear()
      let plan = try plan()
      let comparison = try Comparison(
        [.init(label: "dpo", objective: plan.objective, configuration: plan.configuration)], start: nil,
        trainingData: plan.trainingData, evaluationData: toyPairs(6, seed: 6), policy: "toy")
      _ = try comparison.run(
        from: toyPolicy(), in: RunDirectory(directory(name), for: .newRun), referenceCache: cache, logger: logger)
      return messages.all
    }
    #expect(try compare("first").contains { $0.contains("computing") })
    #expect(try !compare("second").contains { $0.contains("computing") })
  }
}
