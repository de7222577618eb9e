import CLossKit
import LossKitTestSupport
import Testing

@testable import LossKit

/// Properties proved of formulas: all expected ones, and no false ones.
@Suite struct InferenceTests {
  private func isShiftInvariant(_ formula: @escaping @Sendable (Pair) -> Formula) throws -> Bool {
    var tracer = Tracer(component: ErasedComponent(WrittenLoss.self))
    let graph = try WrittenLoss.$formula.withValue(formula) {
      try tracer.trace(responses: 2, references: 1, values: [])
    }
    return graph.isShiftInvariant(reward: tracer.columns.firstIndex { $0.name == "reward" })
  }

  @Test func lossesOfTheMarginAreProvedShiftInvariant() throws {
    #expect(try isShiftInvariant { -logSigmoid(0.1 * ($0.chosen.reward - $0.rejected.reward)) })
    #expect(try isShiftInvariant { square($0.chosen.reward - $0.rejected.reward - 5) })
    #expect(try isShiftInvariant { relu(1 - (2 * $0.chosen.reward - 2 * $0.rejected.reward)) })
    #expect(try isShiftInvariant { -logSigmoid(($0.chosen.reward - $0.rejected.reward) * $0.chosen.score) })
    #expect(try isShiftInvariant { ($0.chosen.reward - $0.rejected.reward) / $0.chosen.tokenCount })
    #expect(try isShiftInvariant { logSumExp([$0.chosen.reward, $0.rejected.reward]) - $0.chosen.reward })
    #expect(
      try isShiftInvariant {
        maximum($0.chosen.reward, $0.rejected.reward) - minimum($0.chosen.reward, $0.rejected.reward)
      })
    #expect(try isShiftInvariant { square(stopGradient($0.chosen.reward) - $0.rejected.reward) })
    #expect(try isShiftInvariant { batchSorted($0.chosen.reward - $0.rejected.reward) })
    #expect(try isShiftInvariant { exp(batchMean($0.chosen.reward - $0.rejected.reward)) })
    #expect(try isShiftInvariant { -$0.chosen.logProbability }, "it reads no reward")
  }

  @Test func lossesOfAbsoluteRewardsAreNotProvedShiftInvariant() throws {
    #expect(try !isShiftInvariant { -logSigmoid($0.chosen.reward) })
    #expect(try !isShiftInvariant { square($0.chosen.reward - 5) + square($0.rejected.reward + 5) })
    #expect(try !isShiftInvariant { $0.chosen.reward + $0.rejected.reward })
    #expect(try !isShiftInvariant { $0.chosen.reward - 2 * $0.rejected.reward })
    #expect(try !isShiftInvariant { $0.chosen.reward - relu($0.rejected.reward) }, "MinorDPO's margin")
    #expect(try !isShiftInvariant { $0.chosen.reward * $0.rejected.reward })
    #expect(try !isShiftInvariant { select($0.chosen.reward, 1, 0) })
    // A constant per prompt shifts the mean by another amount than the prompt.
    #expect(try !isShiftInvariant { $0.chosen.reward - batchMean($0.chosen.reward) })
    #expect(try !isShiftInvariant { batchSorted($0.chosen.reward) - batchSorted($0.rejected.reward) })
    #expect(
      try !isShiftInvariant { stopGradient(batchMean($0.chosen.reward)) * ($0.chosen.reward - $0.rejected.reward) })
  }

  private struct Absolute: PairwiseLoss {
    static let name = "absolute"
    static let state = [State("mean", \Self.mean)]
    var mean: Formula = 0
    mutating func loss(_ pair: Pair) -> Formula {
      mean = batchMean(pair.chosen.reward)
      return pair.chosen.reward - pair.rejected.reward
    }
  }

  @Test func aStateThatKeepsAbsoluteRewardsSpoilsTheProof() throws {
    let component = try #require(try components(of: Plugin.export(Absolute.self, error: nil)).first)
    #expect(component.pointee.flags == 0)
  }

  /// Operations that keep values moderate, so that proofs can be verified numerically.
  private func kind(_ leaves: [GraphNode]) -> RandomGraph.Kind {
    var kind = RandomGraph.Kind()
    kind.operations = [
      .add, .subtract, .subtract, .subtract, .multiply, .divide, .minimum, .maximum, .negate, .sigmoid, .logSigmoid,
      .softplus, .abs, .square, .relu, .select, .clamp, .stopGradient, .tanh, .subtract, .batchMean, .batchSorted,
    ]
    kind.leaves = leaves
    kind.constants = [1, 0.5, -2]
    kind.size = 7
    return kind
  }

  private func plain(_ graph: Graph, _ columns: [Int: [Double]]) -> [Double] {
    PlainEvaluation(graph, rows: 6, parameters: [], state: []) { external, row in
      if case .input(let slot) = external { columns[slot.column * 2 + slot.slot]?[row] ?? .nan } else { .nan }
    }.values[graph.outputs[0]]
  }

  @Test func noRandomFormulaIsWronglyProvedShiftInvariant() throws {
    var proved = 0
    for seed in 0..<20_000 as Range<UInt64> {
      let leaves = [GraphNode(.input), GraphNode(.input, b: 1), GraphNode(.input, a: 1)]
      var graph = RandomGraph(seed: seed, kind(leaves)).graph
      graph.responses = 2
      let mask = graph.reached(from: graph.outputs)
      guard mask[0] || mask[1], graph.isShiftInvariant(reward: 0) else { continue }
      proved += 1
      var numbers = SeededNumbers(seed: seed)
      var columns = [0: numbers.normals(6), 1: numbers.normals(6), 2: numbers.normals(6)]
      let before = plain(graph, columns)
      let shifts = numbers.normals(6, deviation: 3)
      for slot in 0...1 { columns[slot] = zip(columns[slot] ?? [], shifts).map(+) }
      let after = plain(graph, columns)
      guard before.allSatisfy({ $0.isFinite && abs($0) < 1e6 }) else { continue }
      #expect(worstError(after, before) < 1e-6, "RandomGraph(seed: \(seed), kind(leaves)): \(before) becomes \(after)")
    }
    #expect(proved > 200, "\(proved) were proved")
  }

  @Test func noRandomRewardIsWronglyProvedZeroAtTheReference() throws {
    let columns = [Column.logProbability, .referenceLogProbability, .tokenCount]
    var proved = 0
    for seed in 0..<20_000 as Range<UInt64> {
      let leaves = [
        GraphNode(.input), GraphNode(.input, b: 1), GraphNode(.input, a: 1), GraphNode(.input, a: 1, b: 1),
        GraphNode(.input, a: 2),
      ]
      var kind = kind(leaves)
      kind.operations.removeAll { $0.isBatch }
      var graph = RandomGraph(seed: seed, kind).graph
      graph.responses = 2
      let mask = graph.reached(from: graph.outputs)
      guard mask[0..<4].contains(true), graph.isZeroAtReference(columns: columns) else { continue }
      proved += 1
      var numbers = SeededNumbers(seed: seed)
      let policy = [numbers.normals(6), numbers.normals(6)]
      let values = plain(graph, [0: policy[0], 1: policy[1], 2: policy[0], 3: policy[1], 4: numbers.normals(6)])
      #expect(
        values.allSatisfy { $0.isNaN || abs($0) < 1e-12 }, "RandomGraph(seed: \(seed), kind(leaves)): \(values)")
    }
    #expect(proved > 200, "\(proved) were proved")
  }

  private struct Link: RewardParameterization {
    static let name = "link"
    static let hyperparameters = [
      Hyperparameter("alpha", \Self.alpha, in: .closed(0, 1), "interpolates"),
      Hyperparameter("shifted", \Self.isShifted, "adds 1, which has no place in a reward"),
    ]
    var alpha: Formula = 0.5
    var isShifted = false
    func reward(_ response: Response) -> Formula {
      let ratio = response.logProbability - response.referenceLogProbability
      return -expm1(-alpha * ratio) / alpha + (isShifted ? 1 : 0)
    }
  }

  private struct Normalized: RewardParameterization {
    static let name = "normalized"
    func reward(_ response: Response) -> Formula {
      let mean = response.references.sum { $0 } / Formula(response.referenceCount)
      return (response.logProbability - mean) / response.tokenCount
    }
  }

  private struct JensenShannon: RewardParameterization {
    static let name = "jensen-shannon"
    func reward(_ response: Response) -> Formula {
      logSigmoid(response.logProbability - response.reference(0)) - logSigmoid(0)
    }
  }

  @Test func aRewardIsZeroAtTheReferenceIfEveryFormOfItIs() throws {
    let found = try components(of: Plugin.export(Link.self, Normalized.self, JensenShannon.self, error: nil))
    let flags = found.map { $0.pointee.flags & 4 != 0 }
    // The first has a form that is 1 there; the other two are 0 for any number of references.
    #expect(flags == [false, true, true])
  }

  /// Nine switches: more forms than are traced at opening.
  private struct Switches: PairwiseLoss {
    static let name = "switches"
    static let hyperparameters = [
      Hyperparameter("a", \Self.a, ""), Hyperparameter("b", \Self.b, ""), Hyperparameter("c", \Self.c, ""),
      Hyperparameter("d", \Self.d, ""), Hyperparameter("e", \Self.e, ""), Hyperparameter("f", \Self.f, ""),
      Hyperparameter("g", \Self.g, ""), Hyperparameter("h", \Self.h, ""), Hyperparameter("last", \Self.last, ""),
    ]
    var a = false, b = false, c = false, d = false, e = false, f = false, g = false, h = false, last = false
    func loss(_ pair: Pair) -> Formula { last ? pair.chosen.reward : pair.chosen.reward - pair.rejected.reward }
  }

  @Test func whatIsNotTracedInEveryFormIsNotPromised() throws {
    let found = try components(of: Plugin.export(Switches.self, error: nil))
    #expect(found.map(\.pointee.flags) == [0])
  }

  @Test func aZeroAgainstSeveralReferencesHasNoMeaning() throws {
    let columns = [Column.logProbability, .referenceLogProbability]
    func graph(_ weight: Double) -> Graph {
      var builder = GraphBuilder()
      let policy = builder.insert(GraphNode(.input))
      let first = builder.insert(GraphNode(.input, a: 1))
      let second = builder.insert(GraphNode(.input, a: 1, b: 1))
      let difference = builder.add(
        .multiply, builder.insert(GraphNode(.parameter)), builder.add(.subtract, first, second))
      var graph = Graph()
      graph.outputs = [builder.add(.subtract, builder.add(.subtract, policy, first), difference)]
      graph.nodes = builder.nodes
      graph.responses = 1
      graph.references = 2
      return graph.bound(to: [weight])
    }
    #expect(graph(0.3).isZeroAtReference(columns: columns) && !graph(0.3).hasMeaningfulZero(columns: columns))
    #expect(graph(0).hasMeaningfulZero(columns: columns))
  }
}
