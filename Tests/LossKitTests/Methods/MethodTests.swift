import CLossKit
import Foundation
import LossKitTestSupport
import Testing

@testable import LossKit

/// Records of Fixtures/methods.json, which RuntimeTests/Fixtures/make_golden.py writes.
private struct MethodRecords: Decodable {
  struct Author: Decodable {
    var source: String
    var inputs: [String: Numbers]
    var loss: [Double]?
    var gradChosen, gradRejected: [Double]?
    var gradDelta: Numbers?
    var grads: [String: [Double]]?
    var aggregatedChosen, aggregatedRejected: [Double]?

    /// A column by its name, chosen or first responses before the others.
    func column(_ names: String...) throws -> [Double] {
      try names.flatMap { try #require(inputs[$0]).values }
    }

    /// The gradient by the chosen and then by the rejected log-probabilities.
    var gradient: [Double] { (gradChosen ?? []) + (gradRejected ?? []) }

    /// The log-ratios of chosen and rejected responses.
    var logRatios: [Double] {
      get throws {
        try zip(column("policy_chosen", "policy_rejected"), column("ref_chosen", "ref_rejected")).map { $0 - $1 }
      }
    }
  }

  /// A number, a row, or rows one after the other.
  struct Numbers: Decodable {
    var values: [Double]
    var rows: [[Double]]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let matrix = try? container.decode([[Double]].self) {
        rows = matrix
      } else if let row = try? container.decode([Double].self) {
        rows = [row]
      } else {
        rows = [[try container.decode(Double.self)]]
      }
      values = rows.flatMap { $0 }
    }
  }

  struct Tokens: Decodable {
    var alpha: Double
    var policy, reference, gradient: [[Double]]
    var loss: [Double]
  }

  var authors: [String: Author]
  var ldDpo: [Tokens]

  static func read() throws -> MethodRecords {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/methods.json")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(MethodRecords.self, from: Data(contentsOf: url))
  }
}

/// That the ABI and the SDK can say what does not look like reward → loss: each kind of it by one method, against records of
/// the authors' code where there are any.
@Suite struct MethodTests {
  private let records: MethodRecords

  init() throws { records = try MethodRecords.read() }

  private func author(_ name: String) throws -> MethodRecords.Author { try #require(records.authors[name]) }

  private func component(_ type: any Component.Type) throws -> UnsafePointer<losskit_component> {
    try #require(try components(of: Plugin.export(type, error: nil)).first)
  }

  private func isClose(_ found: [Double]?, _ expected: [Double], _ tolerance: Double = 1e-12) -> Bool {
    worstError(found ?? [], expected) < tolerance
  }

  @Test func unpairedFeedbackWithAnAnchorOfMismatchedResponses() throws {
    let record = try author("kto.halos(beta=.1,lu=1.33)")
    let kto = try component(KTO.self)
    #expect(kto.pointee.min_responses == 1 && kto.pointee.max_responses == 1)
    var call = ComponentCall(kto, prompts: 12, responses: 1)
    call.parameters = [0.1, 1.33]
    call.inputs["reward"] = try record.logRatios
    call.inputs["label"] = (0..<12).map { $0 < 6 ? 1 : 0 }
    // The authors' code holds the anchor in single precision.
    let ratios = [0.4, -0.1, 0.9, 0.2, -0.3, 0.5]
    call.inputs["mismatched_reward"] = Array(repeating: Double(Float(ratios.reduce(0, +) / 6)), count: 12)
    call.cotangent = Array(repeating: 1, count: 12)
    let found = try call.run()
    // A record's loss is that of a chosen response and that of a rejected one.
    #expect(isClose((0..<6).map { found.output[$0] + found.output[6 + $0] }, try #require(record.loss), 1e-8))
    #expect(isClose(found.gradients["reward"], record.gradient, 1e-9))
    #expect(found.gradients["mismatched_reward"] == Array(repeating: 0, count: 12))
    call.inputs["mismatched_reward"] = Array(repeating: -5, count: 12)
    let other = try call.run()
    #expect(other.output[0] == Operation.sigmoid(-0.1 * (call.inputs["reward"]?[0] ?? 0)), "an anchor is not below 0")
  }

  @Test func extraColumnsThatAreDifferentiated() throws {
    let record = try author("tdpo2(beta=.1,alpha=.5)")
    var call = ComponentCall(try component(TDPO2.self), prompts: 6)
    call.inputs["reward"] = try record.column("margin_w", "margin_l")
    call.inputs["policy_kl"] = try record.column("kl_w", "kl_l")
    call.cotangent = Array(repeating: 1, count: 6)
    let found = try call.run()
    #expect(isClose(found.output, try #require(record.loss)))
    let expected = try #require(record.grads)
    #expect(isClose(found.gradients["reward"], (expected["margin_w"] ?? []) + (expected["margin_l"] ?? [])))
    #expect(isClose(found.gradients["policy_kl"], (expected["kl_w"] ?? []) + (expected["kl_l"] ?? [])))
  }

  @Test func extraColumnsThatAreNot() throws {
    let record = try author("wpo.loss(beta=.01)")
    var call = ComponentCall(try component(WPO.self), prompts: 6)
    call.inputs["reward"] = try record.logRatios
    call.inputs["pair_weight"] = [0.3, 0.9, 1, 0.5, 0.7, 0.2]
    call.cotangent = Array(repeating: 1, count: 6)
    let found = try call.run()
    #expect(isClose(found.output, try #require(record.loss)))
    #expect(isClose(found.gradients["reward"], record.gradient))
    #expect(found.gradients["pair_weight"] == nil)
  }

  @Test(arguments: [(0.1, -1.0), (-0.1, 0.3), (0.4, 0.5)])
  func severalReferencesAndThePartnerInAReward(eta: Double, alpha: Double) throws {
    let record = try author("mrpo.reference(eta=\(eta),alpha=\(alpha))")
    let reward = try component(MultiReference.self)
    #expect(reward.pointee.min_references == 2 && reward.pointee.max_references == 2)
    var call = ComponentCall(reward, prompts: 6, references: 2)
    call.parameters = [eta, alpha]
    call.inputs["policy_logp"] = Array(repeating: -1, count: 12)
    call.inputs["reference_logp"] = try record.column("ref1_chosen", "ref1_rejected", "ref2_chosen", "ref2_rejected")
    let merged = (record.aggregatedChosen ?? []) + (record.aggregatedRejected ?? [])
    #expect(isClose(try call.run().output, merged.map { -1 - $0 }))
  }

  @Test func anyNumberOfReferences() throws {
    let reward = try component(MeanReference.self)
    #expect(reward.pointee.min_references == 1 && reward.pointee.max_references == .max)
    #expect(reward.pointee.flags & 4 != 0, "it is zero where all references equal the policy")
    var numbers = SeededNumbers(seed: 5)
    for (responses, references) in [(2, 1), (2, 5), (3, 4), (1, 3)] {
      var call = ComponentCall(reward, prompts: 3, responses: responses, references: references)
      let rows = 3 * responses
      let policy = numbers.normals(rows)
      let reference = numbers.normals(rows * references)
      call.inputs = ["policy_logp": policy, "reference_logp": reference]
      let expected = (0..<rows).map { row in
        policy[row] - (0..<references).reduce(0) { $0 + reference[$1 * rows + row] } / Double(references)
      }
      #expect(isClose(try call.run().output, expected))
    }
  }

  @Test func sumsOverTokensThatSeeTheirPartnersLength() throws {
    #expect(records.ldDpo.count == 24)
    let reward = try component(LengthDesensitized.self)
    for record in records.ldDpo {
      let prompts = record.policy.count / 2
      var call = ComponentCall(reward, prompts: prompts)
      call.parameters = [record.alpha]
      call.tokenOffsets = record.policy.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.count) }
      call.inputs = [
        "policy_token_logp": record.policy.flatMap { $0 }, "reference_token_logp": record.reference.flatMap { $0 },
      ]
      let rewards = try call.run().output
      // DPO at β = 0.5 over these rewards, and its gradient back to the tokens.
      let margins = (0..<prompts).map { 0.5 * (rewards[$0] - rewards[prompts + $0]) }
      #expect(isClose(margins.map { Operation.softplus(-$0) }, record.loss))
      let pulls = margins.map { -0.5 * Operation.sigmoid(-$0) / Double(prompts) }
      call.cotangent = pulls + pulls.map { -$0 }
      #expect(isClose(try call.run().gradients["policy_token_logp"], record.gradient.flatMap { $0 }))
    }
  }

  @Test func randomnessStateAndBatchStatistics() throws {
    let record = try author("beta_dpo.first_step(b=.1,a=.6)")
    var call = ComponentCall(try component(BetaDPO.self), prompts: 6)
    call.inputs["reward"] = try record.logRatios
    call.cotangent = Array(repeating: 1, count: 6)
    let expected = try #require(record.loss)
    var agreements = 0
    for seed in 0..<300 as Range<UInt64> {
      call.seed = seed
      let found = try call.run()
      let kept = found.output.indices.filter { found.output[$0] != 0 }
      #expect(kept.count == 4, "⌊6 · 0.8⌋ pairs are kept")
      // β depends on which pairs were drawn; the record is of one draw.
      guard abs(found.output[kept[0]] * 4 / 6 - expected[kept[0]]) < 1e-9 else { continue }
      agreements += 1
      for pair in kept {
        #expect(relativeError(found.output[pair] * 4 / 6, expected[pair]) < 1e-12)
        for entry in [pair, pair + 6] {
          #expect(relativeError((found.gradients["reward"]?[entry] ?? .nan) * 4 / 6, record.gradient[entry]) < 1e-12)
        }
      }
      #expect(found.gradients["reward"]?.enumerated().allSatisfy { kept.contains($0 % 6) || $1 == 0 } == true)
    }
    #expect(agreements > 0)
    let margins = (0..<6).map { (call.inputs["reward"]?[$0] ?? 0) - (call.inputs["reward"]?[$0 + 6] ?? 0) }
    let mean = margins.reduce(0, +) / 6
    let deviation = (margins.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 5).squareRoot()
    #expect(isClose(try call.run().state, [0.1 * mean, 0.1 * deviation]))
    // Once the running statistics are those of the pairs, many draws are likely.
    call.state = [mean, deviation]
    let draws = try (0..<100 as Range<UInt64>).map { seed in
      call.seed = seed
      return try call.run().output.map { $0 != 0 }
    }
    #expect(Set(draws).count > 10)
  }

  @Test func aStoppedMarginOfRunningStatisticsBesideTheGradientByLogProbability() throws {
    let record = try author("alpha_dpo.first_step(b=2.5,a=.2,g=.3)")
    var call = ComponentCall(try component(AlphaDPO.self), prompts: 6)
    call.inputs = [
      "reward": try record.logRatios, "policy_logp": try record.column("policy_chosen", "policy_rejected"),
    ]
    call.cotangent = Array(repeating: 1, count: 6)
    let found = try call.run()
    #expect(isClose(found.output, try #require(record.loss)))
    #expect(isClose(found.gradients["policy_logp"], record.gradient))
    #expect(found.gradients["reward"] == Array(repeating: 0, count: 12))
  }

  @Test func gradientsByTheRewardAndByTheLogProbabilityTogether() throws {
    var numbers = SeededNumbers(seed: 6)
    var call = ComponentCall(try component(RPO.self), prompts: 4)
    let rewards = numbers.normals(8)
    let policy = numbers.normals(8, mean: -30)
    call.inputs = ["reward": rewards, "policy_logp": policy]
    call.parameters = [0.25]
    call.cotangent = [1, 2, 3, 4]
    let found = try call.run()
    for pair in 0..<4 {
      let margin = 0.5 * (rewards[pair] - rewards[4 + pair])
      let pull = Double(pair + 1) * 0.5 * Operation.sigmoid(-margin)
      #expect(relativeError(found.output[pair], Operation.softplus(-margin) - 0.125 * policy[pair]) < 1e-14)
      #expect(relativeError(found.gradients["reward"]?[pair] ?? .nan, -pull) < 1e-14)
      #expect(relativeError(found.gradients["reward"]?[pair + 4] ?? .nan, pull) < 1e-14)
      #expect(found.gradients["policy_logp"]?[pair] == -0.125 * Double(pair + 1))
      #expect(found.gradients["policy_logp"]?[pair + 4] == 0)
    }
  }

  @Test func rankingsWithScores() throws {
    let record = try author("nca.K4.NCA")
    let rewards = try #require(record.inputs["delta"]?.rows)
    var scores = try #require(record.inputs["scores"]?.rows)
    // The authors' code adds this to the first score.
    for prompt in scores.indices { scores[prompt][0] += 0.01 }
    var call = ComponentCall(try component(NCA.self), prompts: 3, responses: 4)
    call.inputs = ["reward": rankMajor(rewards), "score": rankMajor(scores)]
    call.cotangent = Array(repeating: 1.0 / 3, count: 3)
    let found = try call.run()
    #expect(relativeError(found.output.reduce(0, +) / 3, try #require(record.loss)[0]) < 1e-12)
    #expect(isClose(found.gradients["reward"], rankMajor(try #require(record.gradDelta).rows)))
  }

  @Test func groupsOfFour() throws {
    let record = try author("exo.dpo_loss.dpo-rw(K=4)")
    func groups(_ values: [Double]) -> [Double] { rankMajor([Array(values.prefix(4)), Array(values.dropFirst(4))]) }
    var call = ComponentCall(try component(RewardedDPO.self), prompts: 2, responses: 4)
    call.inputs = ["reward": groups(try record.column("delta")), "score": groups(try record.column("scores"))]
    // The authors' policies run at temperature 0.8 where the trainer calls the loss, not in the loss.
    call.cotangent = [0.5, 0.5]
    let found = try call.run()
    #expect(relativeError(found.output.reduce(0, +) / 2, try #require(record.loss)[0]) < 1e-12)
    #expect(isClose(found.gradients["reward"], groups(try #require(record.gradDelta).values)))
  }

  @Test func rankingsOfDifferentLengthInOneBatchShareTheirStatistics() throws {
    var numbers = SeededNumbers(seed: 8)
    let counts: [UInt32] = [2, 5, 3, 2, 5, 4]
    var call = ComponentCall(try component(RSDPO.self), prompts: 6, responses: 5)
    call.counts = counts
    let rewards = numbers.normals(30)
    let scores = numbers.normals(30, deviation: 2)
    call.inputs = ["reward": rewards, "score": scores]
    call.cotangent = Array(repeating: 1, count: 6)
    let found = try call.run()
    // Written out: the number of taken pairs is a mean over all prompts, whatever their length.
    var totals = [Double](repeating: 0, count: 6)
    var slopes = [Double](repeating: 0, count: 30)
    var taken = 0.0
    for (prompt, count) in counts.enumerated() {
      for a in 0..<Int(count) {
        for b in 0..<Int(count) where a != b {
          let (first, second) = (a * 6 + prompt, b * 6 + prompt)
          guard Operation.sigmoid(scores[first] - scores[second]) > 0.85 else { continue }
          taken += 1
          let margin = 0.1 * (rewards[first] - rewards[second])
          totals[prompt] += Operation.softplus(-margin)
          slopes[first] -= 0.1 * Operation.sigmoid(-margin)
          slopes[second] += 0.1 * Operation.sigmoid(-margin)
        }
      }
    }
    #expect(taken > 3)
    #expect(isClose(found.output, totals.map { $0 * 6 / taken }))
    #expect(isClose(found.gradients["reward"], slopes.map { $0 * 6 / taken }))
  }

  /// Rows of responses, as columns are laid out: all first responses, then all second ones.
  private func rankMajor(_ rows: [[Double]]) -> [Double] {
    rows[0].indices.flatMap { rank in rows.map { $0[rank] } }
  }
}
