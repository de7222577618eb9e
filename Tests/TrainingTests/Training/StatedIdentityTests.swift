import FoundationEssentials
import LossKitJSON
import Synchronization
import Testing

@testable import LossKit
@testable import LossKitRuntime
@testable import LossKitTraining

/// A policy with a base that it does not save, with and without an identity. The process has one base, so the tests run
/// one after the other.
@Suite(.serialized) struct StatedIdentityTests {
  let directory: TemporaryDirectory
  let messages = Messages()
  private let type: LoadedPolicyType

  init() throws {
    directory = try TemporaryDirectory()
    type = try LoadedPolicyType(PolicyExport<AdapterPolicy>.descriptor(), library: "tests")
  }

  private func plan() throws -> TrainingPlan {
    TrainingPlan(
      objective: try Toy.dpo(),
      configuration: try settings(["max_steps": "4", "save_steps": "2", "per_device_train_batch_size": "4"]),
      trainingData: toyPairs(20), policy: "adapter")
  }

  /// The run's log-probabilities of the reference, and whether they were computed.
  private func run(
    _ name: String, base: Double, stated: Bool, timeLimit: Double = 60
  ) throws -> (reference: [UInt8], isComputed: Bool) {
    AdapterPolicy.base.withLock { $0 = base }
    messages.clear()
    let policy = try type.create(options: ["stated": stated ? 1 : 0, "time_limit": timeLimit], seed: 1)
    _ = try Trainer(
      plan(), policy: policy, in: RunDirectory(directory(name), for: .newRun), referenceCache: directory("cache"),
      logger: messages.logger
    ).run()
    return (try content(directory("\(name)/reference.bin")), messages.all.contains { $0.contains("computing") })
  }

  private var saves: Int { AdapterPolicy.saves.withLock { $0 } }

  /// It is identified by its identity, without being saved.
  @Test func theCacheGoesByTheIdentity() throws {
    let first = try run("first", base: 0, stated: true)
    let before = saves
    let other = try run("other", base: 2, stated: true)
    #expect(other.isComputed && other.reference != first.reference)
    let again = try run("again", base: 0, stated: true, timeLimit: 5)
    #expect(!again.isComputed && again.reference == first.reference)
    // Two checkpoints and the model of each run.
    #expect(saves == before + 6)
  }

  @Test func theCacheGoesByOptionsAndBytesWhereNoneIsStated() throws {
    #expect(try run("first", base: 0, stated: false).isComputed)
    #expect(try run("other", base: 0, stated: false, timeLimit: 5).isComputed)
    #expect(try !run("same", base: 0, stated: false).isComputed)
  }

  @Test func aRunGoesOnWithAnotherTimeLimitAndNotWithAnotherBase() throws {
    _ = try run("run", base: 1, stated: true)
    for name in ["model", "checkpoint-4"] { try FileManager.default.removeItem(atPath: directory("run/\(name)")) }
    let begun = try facts("run")
    #expect(begun["policy.engine"] == .string("toy") && begun["reference_digest"] == .string("the policy's"))
    guard case .string(let digest)? = begun["policy_digest"] else { return }
    #expect(digest.count == 64)
    var plan = try plan()
    plan.policy = "adapter(time_limit=5)"
    func resume() throws {
      _ = try Trainer(
        resuming: plan, policy: type, options: ["stated": 1, "time_limit": 5],
        in: RunDirectory(directory("run"), for: .resumption)
      ).run()
    }
    AdapterPolicy.base.withLock { $0 = 2 }
    let failure = #expect(throws: Failure.self) { try resume() }
    #expect(
      failure?.message.contains("checkpoint-2: the policy that is loaded from it is not the one that was saved") == true
    )
    AdapterPolicy.base.withLock { $0 = 1 }
    try resume()
    #expect(try facts("run")["policy_digest"] == .string(digest))
  }

  private func facts(_ name: String) throws -> JSONObject {
    guard case .object(let facts)? = try JSONValue(ofFile: directory("\(name)/run.json")) else { return [:] }
    return facts
  }
}
