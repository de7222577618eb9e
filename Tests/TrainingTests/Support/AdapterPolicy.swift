import FoundationEssentials
import LossKit
import Synchronization

@testable import LossKitRuntime

/// A toy policy with a base that it does not save: a number added to the logit of the letter e.
final class AdapterPolicy: Policy {
  struct Options: Sendable {
    /// Whether the instance states its identity.
    var isStated = false
    /// A time limit in seconds, which affects no number.
    var timeLimit = 60.0
  }

  static let name = "adapter"
  static let summary = "A toy with a base elsewhere."
  static let defaultOptions = Options()
  static let hyperparameters: [Hyperparameter<Options>] = [
    Hyperparameter("stated", \Options.isStated, "whether it states what it is"),
    Hyperparameter("time_limit", \Options.timeLimit, in: .positive, "seconds"),
  ]
  static let columns = ToyPolicy.columns

  /// The base, which stands for an external file.
  static let base = Mutex(0.0)
  /// The number of saves.
  static let saves = Mutex(0)

  private let options: Options
  private let toy: ToyPolicy
  private let weight: Double

  private init(_ options: Options, _ toy: ToyPolicy, base: Double? = nil) {
    self.options = options
    self.toy = toy
    weight = base ?? Self.base.withLock { $0 }
  }

  /// Calls the toy with the base added.
  private func withBase(_ body: () throws -> Void) rethrows {
    let own = toy.logits[101]
    toy.logits[101] += weight
    defer { toy.logits[101] = own }
    try body()
  }

  static func create(options: Options, seed: UInt64) throws -> AdapterPolicy {
    AdapterPolicy(options, try .create(options: .init(), seed: seed))
  }

  static func load(path: String, options: Options, given: Set<String>) throws -> AdapterPolicy {
    var options = options
    if !given.contains("stated") { options.isStated = FileManager.default.fileExists(atPath: "\(path)/stated") }
    return AdapterPolicy(options, try .load(path: path, options: .init(), given: []))
  }

  func identity() throws -> PolicyIdentity? {
    guard options.isStated else { return nil }
    let bits = (toy.logits + [weight]).map { String($0.bitPattern, radix: 16) }.joined(separator: " ")
    return PolicyIdentity(facts: [.init("engine", "toy")], digest: SHA256Digest.hexadecimal(of: bits.utf8))
  }

  func measure(
    _ texts: TextBatch, tokenCounts: UnsafeMutableBufferPointer<UInt32>, truncated: UnsafeMutableBufferPointer<UInt32>?
  ) throws {
    try toy.measure(texts, tokenCounts: tokenCounts, truncated: truncated)
  }

  func forward(_ batch: PolicyBatch, keepingActivations: Bool) throws {
    try withBase { try toy.forward(batch, keepingActivations: keepingActivations) }
  }

  func backward(_ batch: PolicyBatch) throws { try withBase { try toy.backward(batch) } }

  func step(_ update: PolicyUpdate) throws -> Double { try toy.step(update) }

  func save(to directory: String, withOptimizer: Bool) throws {
    Self.saves.withLock { $0 += 1 }
    try toy.save(to: directory, withOptimizer: withOptimizer)
    guard options.isStated else { return }
    guard FileManager.default.createFile(atPath: "\(directory)/stated", contents: nil) else {
      throw Failure("\(directory)/stated: cannot be written")
    }
  }

  func copy() throws -> AdapterPolicy {
    AdapterPolicy(options, try toy.copy(), base: weight)
  }

  func blend(with source: AdapterPolicy, weight: Double) throws { try toy.blend(with: source.toy, weight: weight) }
}
