import LossKit
import LossKitHead
import Testing

@testable import Transformer

/// The identity of a transformer.
struct IdentityTests {
  private func identity(_ policy: Transformer) throws -> PolicyIdentity { try #require(try policy.identity()) }

  @Test func equalModelsStateTheSameAndAStepChangesTheDigest() throws {
    let policy = try Transformer.small()
    let first = try identity(policy)
    #expect(try identity(.small()) == first)
    #expect(try identity(.small(seed: 8)).digest != first.digest)
    let copy = try policy.copy()
    try policy.backwardOnce()
    #expect(try identity(policy) == first)
    _ = try policy.step(PolicyUpdate(learningRate: 0.01))
    #expect(try identity(policy).digest != first.digest && identity(policy).facts == first.facts)
    #expect(try identity(copy) == first)
  }

  @Test func whatIsLoadedStatesWhatWasSaved() throws {
    let policy = try Transformer.small()
    try policy.backwardOnce()
    _ = try policy.step(PolicyUpdate(learningRate: 0.01))
    let directory = try Directory()
    try policy.save(to: directory.path, withOptimizer: true)
    let loaded = try Transformer.load(path: directory.path, options: TransformerOptions(), given: [])
    #expect(try identity(loaded) == identity(policy))
  }

  @Test func optionsThatDecideLogProbabilitiesAreInTheDigest() throws {
    func made(_ change: (inout TransformerOptions) -> Void) throws -> PolicyIdentity {
      var options = TransformerOptions.small()
      change(&options)
      return try identity(.create(options: options, seed: 7))
    }
    let plain = try made { _ in }
    let rounded = try made { $0.bf16 = true }
    #expect(rounded.digest != plain.digest)
    #expect(plain.facts.contains(.init("bf16", "false")) && rounded.facts.contains(.init("bf16", "true")))
    #expect(try made { $0.architecture.ropeTheta = 500 }.digest != plain.digest)
    #expect(try made { $0.architecture.contextLength = 100 }.digest != plain.digest)
    let optimizer = try made { $0.adam.beta1 = 0.8 }
    #expect(optimizer.digest == plain.digest && optimizer.facts != plain.facts)
    #expect(Set(plain.facts.map(\.name)).count == plain.facts.count)
  }

  /// One float changes in any part of the weights, over several parts of 1 MiB.
  @Test func everyWeightIsInTheDigest() throws {
    let buffer = try FloatBuffer(count: 700_000)
    let zeros = try buffer.digest()
    #expect(zeros.count == 64)
    for place in [0, 262_143, 262_144, 699_999] {
      buffer.pointer[place] = 1e-30
      #expect(try buffer.digest() != zeros, "\(place)")
      buffer.pointer[place] = 0
    }
    #expect(try buffer.digest() == zeros)
  }
}
