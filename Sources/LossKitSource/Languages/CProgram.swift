import LossKit

/// The loops of a C function: each runs over all rows up to the next batch statistic, with the statistics between them.
struct CProgram {
  /// The number of arrays, of n numbers each, that pass values between loops.
  private(set) var arrayCount = 0
  /// Whether a statistic sorts.
  private(set) var isSorting = false

  private let formula: ExportedFormula
  private let leaf: (GraphNode) -> String
  private let name: (Int) -> String
  /// The expressions of values from earlier loops and statistics.
  private var kept: [Int: String] = [:]

  init(_ formula: ExportedFormula, leaf: @escaping (GraphNode) -> String, name: @escaping (Int) -> String) {
    self.formula = formula
    self.leaf = leaf
    self.name = name
  }

  /// The statements of the part over prompts; `target` is where a result is stored, empty if it is not needed.
  mutating func statements(target: (Int) -> String, states: Int) -> [String] {
    guard let main = formula.main else { return [] }
    let graph = main.graph
    let results = graph.outputs + main.gradients.map(\.node)
    let reached = graph.reached(from: results + graph.stateOutputs)
    let stages = Self.stages(of: graph)
    let last = zip(stages, reached).filter(\.1).map(\.0).max() ?? 0
    var lines: [String] = []
    for stage in 0...last {
      let stored = stored(in: stage, graph, stages: stages, reached: reached)
      let written = results.indices.filter { stages[results[$0]] == stage && !target($0).isEmpty }
      lines += loop(graph, stored: stored, written: written.map { (target($0), results[$0]) })
      for node in graph.nodes.indices
      where reached[node] && stages[node] == stage + 1 && graph.nodes[node].operation.isBatch {
        lines += statistic(node, graph)
      }
    }
    let cleared = formula.columns.indices.flatMap { column in missing(column, main) }
    if !cleared.isEmpty { lines += ["for (size_t g = 0; g < n; g++) {"] + cleared.map { "  \($0) = 0;" } + ["}"] }
    guard states > 0 else { return lines }
    let body = body(graph, graph.stateOutputs)
    let after = graph.stateOutputs.enumerated().map { "const double after\($0) = \(body.text($1));" }
    return lines + body.constants + after + graph.stateOutputs.indices.map { "state[\($0)] = after\($0);" }
  }

  /// The slots of a differentiated column without a derivative: their gradient is 0.
  private func missing(_ column: Int, _ main: ExportedFormula.Part) -> [String] {
    let present = Set(main.gradients.lazy.map(\.slot).filter { $0.column == column })
    guard !present.isEmpty else { return [] }
    let declared = formula.columns[column]
    let slots =
      (declared.extent == .response ? formula.responses : 1) * (declared.isPerReference ? formula.references : 1)
    return (0..<slots).filter { !present.contains(InputSlot(column: column, slot: $0)) }
      .map { "d_\(declared.name)[\($0) * n + g]" }
  }

  private static func stages(of graph: Graph) -> [Int] {
    var stages = [Int](repeating: 0, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      stages[index] = (node.operands.map { stages[$0] }.max() ?? 0) + (node.operation.isBatch ? 1 : 0)
    }
    return stages
  }

  /// The nodes of a stage that a statistic or a later loop reads.
  private func stored(in stage: Int, _ graph: Graph, stages: [Int], reached: [Bool]) -> [Int] {
    let isRow = graph.rowDependence
    var needed: Set<Int> = []
    for (index, node) in graph.nodes.enumerated() where reached[index] {
      for operand in node.operands where stages[operand] <= stage && kept[operand] == nil {
        let isMade = stages[operand] == stage && isRow[operand] && graph.nodes[operand].operation.arity > 0
        if node.operation.isBatch, stages[index] == stage + 1 { needed.insert(operand) }
        if isMade, stages[index] > stage, !graph.nodes[operand].operation.isBatch { needed.insert(operand) }
      }
    }
    return needed.sorted()
  }

  private mutating func loop(_ graph: Graph, stored: [Int], written: [(target: String, node: Int)]) -> [String] {
    if stored.isEmpty, written.isEmpty { return [] }
    let body = body(graph, stored + written.map(\.node))
    var stores = written.map { "\($0.target) = \(body.text($0.node));" }
    for node in stored {
      arrayCount += 1
      stores.append("m\(arrayCount)[g] = \(body.text(node));")
      kept[node] = "m\(arrayCount)[g]"
    }
    return ["for (size_t g = 0; g < n; g++) {"] + (body.constants + stores).map { "  " + $0 } + ["}"]
  }

  private mutating func statistic(_ index: Int, _ graph: Graph) -> [String] {
    let node = graph.nodes[index]
    func array(_ operand: Int) -> String { String((kept[operand] ?? "").prefix { $0 != "[" }) }
    switch node.operation {
    case .batchSorted, .batchUnsorted:
      isSorting = true
      arrayCount += 1
      let result = "m\(arrayCount)"
      kept[index] = result + "[g]"
      let isSorted = node.operation == .batchSorted
      return [
        "lk_order(entries, \(array(isSorted ? node.a : node.b)), n);",
        isSorted
          ? "for (size_t g = 0; g < n; g++) \(result)[g] = entries[g].key;"
          : "for (size_t g = 0; g < n; g++) \(result)[entries[g].row] = \(array(node.a))[g];",
      ]
    default:
      kept[index] = "mean\(index)"
      return ["const double mean\(index) = lk_mean(\(array(node.a)), n);"]
    }
  }

  /// Code in which kept values are read.
  private func body(_ graph: Graph, _ roots: [Int]) -> CodeBody {
    var shown = graph
    // A kept node becomes a leaf, encoded as an input whose column index is past all columns.
    for index in kept.keys { shown.nodes[index] = GraphNode(.input, a: formula.columns.count + index) }
    return CodeBody(shown, roots: roots, language: .c) { [kept, leaf, count = formula.columns.count] node in
      if node.operation == .input, node.a >= count { return kept[node.a - count] ?? "" }
      return leaf(node)
    }
  }
}
