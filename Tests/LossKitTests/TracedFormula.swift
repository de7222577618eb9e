import Testing

@testable import LossKit

/// A loss whose formula a test supplies.
struct WrittenLoss: PairwiseLoss {
  static let name = "written"
  @TaskLocal static var formula: @Sendable (Pair) -> Formula = { _ in 0 }

  func loss(_ pair: Pair) -> Formula { Self.formula(pair) }
}

/// A formula of the columns x, y and z, one entry per prompt, traced like an author's.
struct TracedFormula {
  static let columns = ["x", "y", "z"].map { Column($0, per: .prompt, differentiable: true) }
  var graph: Graph
  /// The declared columns, in the order of first use.
  let columns: [Column]

  init(_ formula: @escaping @Sendable (_ x: Formula, _ y: Formula, _ z: Formula) -> Formula) throws {
    var tracer = Tracer(component: ErasedComponent(WrittenLoss.self))
    graph = try WrittenLoss.$formula.withValue({ pair in
      let symbols = Self.columns.map { pair.chosen[$0] }
      return formula(symbols[0], symbols[1], symbols[2])
    }) { try tracer.trace(responses: 2, references: 1, values: []) }
    columns = tracer.columns
  }

  struct Values {
    var loss: [Double]
    /// The gradients with respect to x, y and z.
    var gradients: [[Double]]
  }

  /// The values, and the gradients of Σ cotangent · loss, from the plain evaluator.
  func evaluate(_ inputs: [[Double]], cotangent: [Double]) -> Values {
    var builder = GraphBuilder()
    let places = builder.append(graph, reaching: graph.outputs)
    let output = places[graph.outputs[0]]
    let gradients = builder.differentiate(outputs: [output], cotangents: [builder.insert(GraphNode(.cotangent))])
    var whole = Graph()
    let nodes = Self.columns.indices.map { index -> Int? in
      guard let column = columns.firstIndex(of: Self.columns[index]) else { return nil }
      let input = builder.insert(GraphNode(.input, a: column))
      return input < gradients.count ? gradients[input] : nil
    }
    whole.nodes = builder.nodes
    let values = plain(whole, inputs, cotangent: cotangent)
    let zero = cotangent.map { _ in 0.0 }
    return Values(loss: values[output], gradients: nodes.map { $0.map { values[$0] } ?? zero })
  }

  /// The loss alone.
  func loss(_ inputs: [[Double]]) -> [Double] {
    plain(graph, inputs, cotangent: [])[graph.outputs[0]]
  }

  private func plain(_ graph: Graph, _ inputs: [[Double]], cotangent: [Double]) -> [[Double]] {
    PlainEvaluation(graph, rows: inputs[0].count, parameters: [], state: []) { external, row in
      switch external {
      case .input(let slot):
        Self.columns.firstIndex(of: columns[slot.column]).map { inputs[$0][row] } ?? .nan
      case .cotangent: cotangent[row]
      case .rowIndex: Double(row)
      case .uniform(let stream): UniformNumbers.value(seed: 7, stream: stream, row: row)
      default: .nan
      }
    }.values
  }
}

/// The gradients of a formula with respect to x, y and z at one point.
func slopes(
  at point: [Double], _ formula: @escaping @Sendable (_ x: Formula, _ y: Formula, _ z: Formula) -> Formula
) throws -> [Double] {
  let padded = point + Array(repeating: 0, count: 3 - point.count)
  return try TracedFormula(formula).evaluate(padded.map { [$0] }, cotangent: [1]).gradients.map { $0[0] }
}
