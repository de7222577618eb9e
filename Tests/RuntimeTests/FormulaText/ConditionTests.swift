import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Comparisons in formulas: Swift and text give the same.
@Suite struct ConditionTests {
  enum Comparison: String, CaseIterable, Sendable {
    case greater, less, notLess, notGreater, equal, different

    var sign: String {
      switch self {
      case .greater: ">"
      case .less: "<"
      case .notLess: ">="
      case .notGreater: "<="
      case .equal: "=="
      case .different: "!="
      }
    }

    func holds(_ a: Double, _ b: Double) -> Bool {
      switch self {
      case .greater: a > b
      case .less: a < b
      case .notLess: a >= b
      case .notGreater: a <= b
      case .equal: a == b
      case .different: a != b
      }
    }
  }

  struct Chosen: PairwiseLoss {
    static let name = "chosen-by-comparison"
    static let hyperparameters = [Hyperparameter("comparison", \Self.comparison, "what is compared")]
    var comparison = Comparison.greater

    func loss(_ pair: Pair) -> Formula {
      let (a, b) = (pair.chosen.score, pair.rejected.score)
      let condition =
        switch comparison {
        case .greater: a > b
        case .less: a < b
        case .notLess: a >= b
        case .notGreater: a <= b
        case .equal: a == b
        case .different: a != b
        }
      return select(condition, pair.chosen.logProbability, 2 * pair.rejected.logProbability)
    }
  }

  @Test(arguments: Comparison.allCases)
  func aComparisonSelectsAlikeInSwiftAndInText(comparison: Comparison) throws {
    let descriptor = try #require(try components(of: Plugin.export(Chosen.self, error: nil)).first)
    let component = try LoadedComponent(descriptor, library: "tests")
    let index = try #require(Comparison.allCases.firstIndex(of: comparison))
    let swift = try Objective(
      terms: [.init(weight: 1, loss: .init(component: component, values: [Double(index)]))], reward: nil)
    let text = try Objective(
      "{select(chosen.score \(comparison.sign) rejected.score, chosen.policy_logp, 2*rejected.policy_logp)}",
      in: BuiltPlugins.registry())
    let scores = [1.0, 2, 3, 2, 2, 2]
    let batch = Batch(prompts: 3, columns: ["score": scores, "policy_logp": [-1, -2, -3, -4, -5, -6]])
    for objective in [swift, text] {
      var state: [Double] = []
      let found = try objective.evaluate(batch, state: &state)
      for prompt in 0..<3 {
        let isFirst = comparison.holds(scores[prompt], scores[3 + prompt])
        #expect(found.loss[prompt] == (isFirst ? -1 - Double(prompt) : -8 - 2 * Double(prompt)))
        #expect(found.gradients["policy_logp"]?[prompt] == (isFirst ? 1 : 0))
      }
    }
  }
}
