import LossKitTestSupport
import Testing

@testable import LossKit

/// finiteExp and finiteExpm1, over their whole range.
@Suite struct SharedFunctionTests {
  private struct Exponentials: PairwiseLoss {
    static let name = "exponentials"

    func loss(_ pair: Pair) -> Formula { finiteExp(pair.chosen.reward) + finiteExpm1(pair.rejected.reward) }
  }

  private func run(_ chosen: [Double], _ rejected: [Double]) throws -> ComponentCall.Result {
    let component = try #require(try components(of: Plugin.export(Exponentials.self, error: nil)).first)
    var call = ComponentCall(component, prompts: chosen.count)
    call.inputs["reward"] = chosen + rejected
    call.cotangent = chosen.map { _ in 1 }
    return try call.run()
  }

  @Test func theyAreExactWhereADoubleHoldsTheValue() throws {
    let points = [-1e4, -3, -1e-9, 0, 1e-9, 2, 300, 690]
    let low = points.map { _ in -1e4 }
    // exp and its derivative; expm1 at −10⁴ is −1.
    let found = try run(points, low)
    for (index, x) in points.enumerated() {
      #expect(relativeError(found.output[index], Operation.exp(x) - 1, scale: 1e-15) < 1e-14)
      #expect(relativeError(found.gradients["reward"]?[index] ?? .nan, Operation.exp(x), scale: 1e-300) < 1e-14)
    }
    let small = try run(low, points)
    for (index, x) in points.enumerated() {
      #expect(relativeError(small.output[index], Operation.expm1(x), scale: 1e-300) < 1e-14)
    }
  }

  @Test func beyondTheyAreTheTangent() throws {
    let points = [690.5, 710, 1e4, 1e7]
    let found = try run(points, points.map { _ in -1e4 })
    let slope = Operation.exp(690)
    for (index, x) in points.enumerated() {
      #expect(relativeError(found.output[index], slope * (1 + x - 690)) < 1e-14)
      #expect(found.gradients["reward"]?[index] == slope)
    }
  }
}
