import LossKit
package import LossKitRuntime

/// A component's formula with stopped values held constant, so that its slopes are the gradient.
package struct FrozenFormula {
  private var graph: Graph
  private let call: ComponentCall
  private let stopped: [[Double]]
  private let columns: [Column]

  /// The formula of a component at the columns of a call; nil if it stops no gradient, or exports no formula.
  package init?(_ component: LoadedComponent, _ call: ComponentCall) throws {
    let formula = try component.formula(
      responses: call.responses, references: call.references, values: call.parameters)
    guard let formula, formula.rows == .prompt else { return nil }
    let stops = formula.nodes.indices.filter { formula.nodes[$0].operation == .stopGradient }
    if stops.isEmpty { return nil }
    graph = formula
    columns = component.inputs
    self.call = call
    let values = Self.evaluate(formula, call, columns, stopped: [])
    stopped = stops.map { values[$0] }
    for (number, stop) in stops.enumerated() {
      graph.nodes[stop] = GraphNode(.input, a: columns.count + number)
    }
  }

  /// The outputs for other values of the columns.
  package func outputs(_ inputs: [String: [Double]]) -> [Double] {
    var moved = call
    moved.inputs = inputs
    let values = Self.evaluate(graph, moved, columns, stopped: stopped)
    return graph.outputs.flatMap { values[$0] }
  }

  private static func evaluate(
    _ graph: Graph, _ call: ComponentCall, _ columns: [Column], stopped: [[Double]]
  ) -> [[Double]] {
    PlainEvaluation(graph, rows: call.prompts, parameters: call.parameters, state: call.state) { external, row in
      switch external {
      case .input(let slot) where slot.column >= columns.count: stopped[slot.column - columns.count][row]
      case .input(let slot): call.inputs[columns[slot.column].name]?[slot.slot * call.prompts + row] ?? .nan
      case .rowIndex: Double(row)
      case .uniform(let stream): UniformNumbers.value(seed: call.seed, stream: stream, row: row)
      default: .nan
      }
    }.values
  }
}
