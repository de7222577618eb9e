import LossKitTestSupport
import Testing

@testable import LossKit

/// A loss that reads its state before, between and after two assignments.
private struct Running: PairwiseLoss {
  static let name = "running"
  static let state = [State("total", \Self.total), State("double", \Self.double), State("kept", \Self.kept)]
  var total: Formula = 1
  var double: Formula = 5
  var kept: Formula = 7

  mutating func loss(_ pair: Pair) -> Formula {
    let before = total
    total += batchMean(pair.chosen.reward)
    let between = total
    total *= 2
    double = total + double
    return pair.rejected.reward + before + 10 * between + 100 * total + 1000 * double + 10_000 * kept
  }
}

@Suite struct StateTests {
  @Test func assignmentsTakeEffectInTheOrderWrittenAndTheLastOneIsKept() throws {
    let component = try #require(try components(of: Plugin.export(Running.self, error: nil)).first)
    var call = ComponentCall(component, prompts: 2)
    #expect(call.state == [1, 5, 7])
    call.inputs["reward"] = [1, 3, 0.5, 0.25]
    call.cotangent = [1, 1]
    let first = try call.run()
    // total: 1, then 1 + 2, then 6; double: 6 + 5; kept: 7.
    let expected = 81_631.0
    #expect(first.output == [expected + 0.5, expected + 0.25])
    #expect(first.state == [6, 11, 7])
    // A gradient flows through assignments of this call, but not through the state of earlier calls.
    let share = (10.0 + 200 + 2000) * 2 / 2
    #expect(first.gradients["reward"] == [share, share, 1, 1])
    call.state = first.state
    #expect(try call.run().state == [16, 27, 7])
  }

  @Test func anEvaluationWithoutGradientsMovesTheStateInTheSameWay() throws {
    let component = try #require(try components(of: Plugin.export(Running.self, error: nil)).first)
    var call = ComponentCall(component, prompts: 2)
    call.inputs["reward"] = [1, 3, 0.5, 0.25]
    #expect(try call.run().state == [6, 11, 7])
  }
}
