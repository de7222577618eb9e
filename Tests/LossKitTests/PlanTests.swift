import CLossKitKernels
import LossKitTestSupport
import Testing

@testable import LossKit

/// Compiled plans compared with the plain evaluator on random graphs; a failure names the line that recreates the graph.
@Suite struct PlanTests {
  static let levels = Array(1...losskit_kernel_level())

  /// A random graph with batch nodes, and its gradient with respect to every column.
  private func graphWithGradient(_ random: RandomGraph) -> Graph {
    var builder = GraphBuilder()
    let places = builder.append(random.graph, reaching: random.graph.outputs)
    let output = places[random.graph.outputs[0]]
    _ = builder.differentiate(outputs: [output], cotangents: [builder.insert(GraphNode(.cotangent))])
    var whole = Graph()
    whole.nodes = builder.nodes
    whole.outputs = [whole.nodes.count - 1]
    return whole
  }

  private var kind: RandomGraph.Kind {
    var kind = RandomGraph.Kind()
    kind.operations += [.batchMean, .batchMean, .batchSorted, .add, .multiply, .subtract]
    kind.leaves += [GraphNode(.rowIndex), GraphNode(.uniform, a: 1)]
    return kind
  }

  @Test(arguments: levels)
  func everyNodeOfAPlanIsWithinAFewUlpOfThePlainOperation(level: Int32) throws {
    for seed in 0..<150 as Range<UInt64> {
      let random = RandomGraph(seed: seed, kind)
      let graph = graphWithGradient(random)
      let all = Array(graph.nodes.indices)
      let values = try random.compiled(graph, results: all, level: level)
      for (index, node) in graph.nodes.enumerated() {
        let expected = expectation(node, at: index, values, random)
        let distance = zip(values[index], expected).map { ulpDistance($0, $1) }.max() ?? 0
        #expect(
          distance <= 12,
          "RandomGraph(seed: \(seed), kind) at level \(level): node \(index), \(node.operation), is \(distance) ulp off: \(values[index]), not \(expected)"
        )
      }
    }
  }

  /// The result of the plain operation for the operands' values in the program.
  private func expectation(_ node: GraphNode, at index: Int, _ values: [[Double]], _ random: RandomGraph) -> [Double] {
    var single = Graph()
    let operands = node.operands
    single.nodes = operands.indices.map { GraphNode(.input, a: $0) }
    var copy = node
    if node.operation.arity > 0 { copy.a = 0 }
    if node.operation.arity > 1 { copy.b = 1 }
    if node.operation.arity > 2 { copy.c = 2 }
    single.nodes.append(copy)
    // NaN has no order, so none is expected.
    if [.batchSorted, .batchUnsorted].contains(node.operation),
      operands.contains(where: { values[$0].contains { $0.isNaN } })
    {
      return values[index]
    }
    return PlainEvaluation(
      single, rows: RandomGraph.rows, parameters: random.parameters, state: random.state
    ) { external, row in
      if case .input(let slot) = external, !operands.isEmpty { return values[operands[slot.column]][row] }
      return random.external(external, row: row)
    }.values[operands.count]
  }

  @Test(arguments: levels)
  func aResultHasTheSameBitsWhateverElseIsAskedFor(level: Int32) throws {
    for seed in 1000..<1150 as Range<UInt64> {
      let random = RandomGraph(seed: seed, kind)
      let graph = graphWithGradient(random)
      let all = try random.compiled(graph, results: Array(graph.nodes.indices), level: level)
      for results in [[graph.outputs[0]], [graph.outputs[0], 0, graph.outputs[0]], [graph.nodes.count / 2]] {
        let some = try random.compiled(graph, results: results, level: level)
        for (place, node) in results.enumerated() {
          #expect(
            zip(some[place], all[node]).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) },
            "RandomGraph(seed: \(seed), kind) at level \(level): node \(node) alone is \(some[place]), among all \(all[node])"
          )
        }
      }
    }
  }

  @Test func simplificationChangesNoValueButTheSignOfAZero() throws {
    var compared = 0
    for seed in 0..<1500 as Range<UInt64> {
      var kind = kind
      kind.operations.removeAll { $0.isBatch }
      kind.operations += [.negate, .subtract, .multiply, .divide, .select, .negate]
      let random = RandomGraph(seed: seed, kind)
      var builder = GraphBuilder()
      let places = builder.append(random.graph, reaching: Array(random.graph.nodes.indices))
      var simplified = Graph()
      simplified.nodes = builder.nodes
      #expect(builder.nodes.count <= random.graph.nodes.count + 4)
      let raw = random.plain(random.graph)
      let values = random.plain(simplified)
      for row in 0..<RandomGraph.rows {
        // Infinities are excluded: 0 · ∞ is taken as 0, and the sign of a zero decides that of an infinity.
        var isFinite = [Bool](repeating: true, count: raw.count)
        for (index, node) in random.graph.nodes.enumerated() {
          isFinite[index] = raw[index][row].isFinite && node.operands.allSatisfy { isFinite[$0] }
          guard isFinite[index] else { continue }
          compared += 1
          #expect(
            raw[index][row] == values[places[index]][row],
            "RandomGraph(seed: \(seed), kind), row \(row): node \(index), \(node), is \(raw[index][row]), simplified \(values[places[index]][row])"
          )
        }
      }
    }
    #expect(compared > 100_000)
  }
}

/// The number of doubles between two; 0 for two NaNs, and between −0 and 0.
private func ulpDistance(_ a: Double, _ b: Double) -> UInt64 {
  if a == b || (a.isNaN && b.isNaN) { return 0 }
  guard !a.isNaN, !b.isNaN else { return .max }
  func place(_ x: Double) -> Int64 {
    let bits = Int64(bitPattern: x.bitPattern)
    return bits < 0 ? Int64.min &- bits : bits
  }
  let distance = place(a).subtractingReportingOverflow(place(b))
  return distance.overflow ? .max : distance.partialValue.magnitude
}
