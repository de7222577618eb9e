/// The plain evaluator: one value at a time, node after node, with the C library's functions.
///
/// It is the reference that the fast programs are tested against.
package struct PlainEvaluation {
  /// The values of each node, one a row.
  package private(set) var values: [[Double]] = []

  /// Evaluates a graph over `rows` rows; `external` gives a column's value at a row.
  package init(
    _ graph: Graph, rows: Int, parameters: [Double], state: [Double],
    external: (Program.External, _ row: Int) -> Double
  ) {
    for node in graph.nodes {
      values.append(column(of: node, rows: rows, parameters: parameters, state: state, external: external))
    }
  }

  private func column(
    of node: GraphNode, rows: Int, parameters: [Double], state: [Double],
    external: (Program.External, _ row: Int) -> Double
  ) -> [Double] {
    func each(_ value: (Int) -> Double) -> [Double] { (0..<rows).map(value) }
    switch node.operation {
    case .constant: return each { _ in node.value }
    case .parameter: return each { _ in parameters[node.a] }
    case .state: return each { _ in state[node.a] }
    case .batchCount: return each { _ in Double(rows) }
    case .input: return each { external(.input(InputSlot(column: node.a, slot: node.b)), $0) }
    case .rowIndex: return each { external(.rowIndex, $0) }
    case .uniform: return each { external(.uniform(stream: UInt32(truncatingIfNeeded: node.a)), $0) }
    case .tokenIndex: return each { external(.tokenIndex, $0) }
    case .tokenCount: return each { external(.tokenCount, $0) }
    case .tokenShortest: return each { external(.tokenShortest, $0) }
    case .tokenRandomRank:
      return each { external(.tokenRandomRank(stream: UInt32(truncatingIfNeeded: node.a)), $0) }
    case .cotangent: return each { external(.cotangent(output: node.a), $0) }
    case .batchMean, .batchMeanGradient:
      let mean = pairwiseSum(values[node.a]) / Double(rows)
      return each { _ in mean }
    case .batchSorted: return order(of: values[node.a]).map { values[node.a][$0] }
    case .batchUnsorted:
      var unsorted = values[node.a]
      for (rank, row) in order(of: values[node.b]).enumerated() { unsorted[row] = values[node.a][rank] }
      return unsorted
    default:
      let operands = node.operands.map { values[$0] }
      return each { row in
        node.operation(
          operands[0][row], operands.count > 1 ? operands[1][row] : 0, operands.count > 2 ? operands[2][row] : 0)
      }
    }
  }

  private func order(of keys: [Double]) -> [Int] {
    keys.indices.sorted { keys[$0] == keys[$1] ? $0 < $1 : keys[$0] < keys[$1] }
  }
}
