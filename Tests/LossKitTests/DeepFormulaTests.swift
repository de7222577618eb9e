import Foundation
import LossKitTestSupport
import Synchronization
import Testing

@testable import LossKit

/// All pairs of a ranking under the logistic loss.
private struct AllPairs: ListwiseLoss {
  static let name = "all-pairs"

  func loss(_ ranking: Ranking) -> Formula {
    ranking.sum { better in
      ranking.dropFirst(better.index + 1).sum { -logSigmoid(better.reward - $0.reward) }
    }
  }
}

/// Large formulas: nothing between text and program may recurse over them.
@Suite struct DeepFormulaTests {
  @Test func aHundredThousandAdditionsAreTracedDifferentiatedRunAndReleasedOnASmallStack() throws {
    let result = Mutex<Result<[Double], any Error>?>(nil)
    let thread = Thread {
      let found = Result { try Self.sumOfAChain(length: 100_000) }
      result.withLock { $0 = found }
    }
    thread.stackSize = 128 << 10
    thread.start()
    while !thread.isFinished { Thread.sleep(forTimeInterval: 0.01) }
    let values = try #require(result.withLock { $0 }).get()
    // x + y · (1 + 2 + … + n), and its slopes.
    #expect(values == [2 + 3 * 5_000_050_000, 1, 5_000_050_000])
  }

  private static func sumOfAChain(length: Int) throws -> [Double] {
    let traced = try TracedFormula { x, y, _ in
      var sum = x
      for index in 1...length { sum += Formula(index) * y }
      return sum
    }
    let values = traced.evaluate([[2], [3], [0]], cotangent: [1])
    let columns = ["x": 2.0, "y": 3.0]
    let compiled = try run(traced.graph, results: traced.graph.outputs, rows: 1) { external, _ in
      if case .input(let slot) = external { columns[traced.columns[slot.column].name] ?? .nan } else { .nan }
    }
    #expect(compiled == [values.loss])
    return [values.loss[0], values.gradients[0][0], values.gradients[1][0]]
  }

  @Test func aChainOfNestedFunctionsIsReleasedWithoutRecursion() {
    var formula = Formula(0.5)
    for _ in 0..<300_000 { formula = sigmoid(formula) }
    let other = formula
    formula = 0
    #expect(other.constantValue == nil)
  }

  @Test func aRankingOfSixtyFourWithAllPairsHasItsValueAndGradient() throws {
    let component = try #require(try components(of: Plugin.export(AllPairs.self, error: nil)).first)
    var numbers = SeededNumbers(seed: 64)
    var call = ComponentCall(component, prompts: 3, responses: 64)
    let rewards = numbers.normals(3 * 64)
    call.inputs["reward"] = rewards
    call.cotangent = [1, 2, 3]
    let found = try call.run()
    for prompt in 0..<3 {
      let own = (0..<64).map { rewards[$0 * 3 + prompt] }
      var loss = 0.0
      var gradient = [Double](repeating: 0, count: 64)
      for better in 0..<64 {
        for worse in better + 1..<64 {
          loss += Operation.softplus(own[worse] - own[better])
          let slope = call.cotangent?[prompt] ?? 0
          let pull = slope * Operation.sigmoid(own[worse] - own[better])
          gradient[better] -= pull
          gradient[worse] += pull
        }
      }
      #expect(relativeError(found.output[prompt], loss) < 1e-13)
      let slopes = (0..<64).map { found.gradients["reward"]?[$0 * 3 + prompt] ?? .nan }
      #expect(worstError(slopes, gradient) < 1e-12)
    }
  }
}
