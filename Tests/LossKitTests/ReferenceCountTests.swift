import CLossKit
import LossKitTestSupport
import Testing

@testable import LossKit

/// The mean of any number of references.
private struct MeanReference: RewardParameterization {
  static let name = "mean-reference"

  func reward(_ response: Response) -> Formula {
    response.logProbability - response.references.sum { $0 } / Formula(response.referenceCount)
  }
}

/// What a reward for any number of references declares and reads.
@Suite struct ReferenceCountTests {
  @Test func anyNumberOfReferences() throws {
    let reward = try #require(try components(of: Plugin.export(MeanReference.self, error: nil)).first)
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
      #expect(worstError(try call.run().output, expected) < 1e-12)
    }
  }
}
