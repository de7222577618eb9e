import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// SamPO's reward, which samples tokens: properties of every draw, and statistics of many.
@Suite struct DownSampledTests {
  private let objective: Objective
  private static let lengths = [7, 3, 1, 4, 5, 3, 6, 4]
  private static let tokens = lengths.reduce(0, +)

  init() throws { objective = try Objective("sampo(beta=0.5)", in: BuiltPlugins.registry()) }

  /// Four pairs of responses of different lengths.
  private func batch(_ seed: UInt64) -> Batch {
    var numbers = SeededNumbers(seed: seed)
    var batch = Batch(prompts: 4)
    batch.tokenOffsets = Self.lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
    batch.columns = [
      "policy_token_logp": numbers.normals(Self.tokens, mean: -2),
      "reference_token_logp": numbers.normals(Self.tokens, mean: -2),
    ]
    return batch
  }

  private func evaluate(_ batch: Batch, seed: UInt64) throws -> (Evaluation, gradient: [Double]) {
    var state: [Double] = []
    let evaluation = try objective.evaluate(batch, state: &state, seed: seed)
    return (evaluation, try #require(evaluation.gradients["policy_token_logp"]))
  }

  private func tokens(of row: Int) -> Range<Int> {
    let start = Self.lengths.prefix(row).reduce(0, +)
    return start..<start + Self.lengths[row]
  }

  private func shortest(_ row: Int) -> Int { min(Self.lengths[row], Self.lengths[(row + 4) % 8]) }

  @Test func asManyTokensAreCountedAsTheShorterResponseHasAndThoseAlone() throws {
    #expect(!objective.isRowwise)
    #expect(objective.reward?.component.isZeroAtReference == true)
    let batch = batch(4)
    for seed in 0..<50 as Range<UInt64> {
      let (evaluation, gradient) = try evaluate(batch, seed: seed)
      for row in 0..<8 {
        let kept = tokens(of: row).filter { gradient[$0] != 0 }
        #expect(kept.count == shortest(row))
        // A kept token has its response's gradient, and the reward is the sum over kept tokens.
        #expect(Set(kept.map { gradient[$0] }).count == 1)
        let sum = kept.reduce(0) { sum, token in
          sum + (batch.columns["policy_token_logp"]?[token] ?? .nan)
            - (batch.columns["reference_token_logp"]?[token] ?? .nan)
        }
        #expect(relativeError(evaluation.reward[row], sum) < 1e-13)
        let margin = 0.5 * (evaluation.reward[row % 4] - evaluation.reward[4 + row % 4])
        let pull = (row < 4 ? -0.5 : 0.5) * Operation.sigmoid(-margin)
        #expect(relativeError(gradient[kept[0]], pull, scale: 0) < 1e-12)
      }
    }
  }

  @Test func equalSeedsGiveEqualDrawsAndOthersOthers() throws {
    let batch = batch(5)
    let draws = try (0..<40 as Range<UInt64>).map { try evaluate(batch, seed: $0).gradient.map { $0 != 0 } }
    #expect(Set(draws).count > 25)
    for seed in [0, 7, 39] {
      #expect(try evaluate(batch, seed: UInt64(seed)).gradient.map { $0 != 0 } == draws[seed])
    }
    // The columns do not affect the draw.
    #expect(try evaluate(self.batch(6), seed: 7).gradient.map { $0 != 0 } == draws[7])
  }

  @Test func everyTokenIsEquallyLikely() throws {
    let batch = batch(6)
    let count = 4000
    var kept = [Double](repeating: 0, count: Self.tokens)
    for seed in 0..<UInt64(count) {
      for (token, gradient) in try evaluate(batch, seed: seed).gradient.enumerated() where gradient != 0 {
        kept[token] += 1
      }
    }
    for row in 0..<8 {
      let probability = Double(shortest(row)) / Double(Self.lengths[row])
      let deviation = (probability * (1 - probability) / Double(count)).squareRoot()
      for token in tokens(of: row) {
        #expect(abs(kept[token] / Double(count) - probability) <= 5 * deviation, "token \(token)")
      }
    }
  }

  @Test func policyAndReferenceShareTheTokens() throws {
    var batch = batch(7)
    batch.columns["reference_token_logp"] = batch.columns["policy_token_logp"]
    for seed in 0..<20 as Range<UInt64> {
      #expect(try evaluate(batch, seed: seed).0.reward.allSatisfy { $0 == 0 })
    }
  }
}
