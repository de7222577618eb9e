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
  /// The arrays of values from earlier loops and statistics.
  private var arrays: [Int: String] = [:]

  init(_ formula: ExportedFormula, leaf: @escaping (GraphNode) -> String, name: @escaping (Int) -> String) {
    self.formula = formula
    self.leaf = leaf
    self.name = name
  }

  /// What is computed between two statistics that depend on each other.
  private struct Stage {
    /// Numbers of the whole batch that later stages read.
    var scalars: Set<Int> = []
    /// Values of rows that statistics or later stages read.
    var stored: Set<Int> = []
    /// The indices of results.
    var written: [Int] = []
    /// The statistics after the loop.
    var statistics: [Int] = []
  }

  /// The statements of the part over prompts; `target` is where a result is stored, empty if it is not needed.
  mutating func statements(target: (Int) -> String, states: Int) -> [String] {
    guard let main = formula.main else { return [] }
    let graph = main.graph
    let results = graph.outputs + main.gradients.map(\.node)
    let isRow = graph.rowDependence
    var lines: [String] = []
    for stage in Self.stages(of: graph, results: results, isRow: isRow) {
      lines += scalars(stage.scalars.sorted(), graph)
      let written = stage.written.filter { !target($0).isEmpty }.map { (target($0), results[$0]) }
      lines += loop(graph, stored: stage.stored.sorted(), written: written, isRow: isRow)
      for node in stage.statistics { lines += statistic(node, graph) }
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

  /// Assigns every value to the stage after the statistics that it depends on.
  private static func stages(of graph: Graph, results: [Int], isRow: [Bool]) -> [Stage] {
    let reached = graph.reached(from: results + graph.stateOutputs)
    var stage = [Int](repeating: 0, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      stage[index] = (node.operands.map { stage[$0] }.max() ?? 0) + (node.operation.isBatch ? 1 : 0)
    }
    var stages = [Stage](repeating: Stage(), count: (zip(stage, reached).filter(\.1).map(\.0).max() ?? 0) + 1)
    for (result, node) in results.enumerated() { stages[stage[node]].written.append(result) }
    for (index, node) in graph.nodes.enumerated() where reached[index] {
      if node.operation.isBatch { stages[stage[index] - 1].statistics.append(index) }
      for operand in node.operands {
        let isMade = graph.nodes[operand].operation.arity > 0 && !graph.nodes[operand].operation.isBatch
        if node.operation.isBatch, !isMade || !isRow[operand] { stages[stage[index] - 1].stored.insert(operand) }
        guard isMade, stage[index] > stage[operand] else { continue }
        if isRow[operand] {
          stages[stage[operand]].stored.insert(operand)
        } else {
          stages[stage[operand]].scalars.insert(operand)
        }
      }
    }
    return stages
  }

  /// Numbers of the whole batch, computed once.
  private mutating func scalars(_ nodes: [Int], _ graph: Graph) -> [String] {
    if nodes.isEmpty { return [] }
    let body = body(graph, nodes)
    let values = nodes.map { "v\($0) = \(body.text($0));" }
    for node in nodes { kept[node] = "v\(node)" }
    return ["double \(nodes.map { "v\($0)" }.joined(separator: ", "));", "{"]
      + (body.constants + values).map { "  " + $0 } + ["}"]
  }

  private mutating func loop(
    _ graph: Graph, stored: [Int], written: [(target: String, node: Int)], isRow: [Bool]
  ) -> [String] {
    let stored = stored.filter { arrays[$0] == nil }
    if stored.isEmpty, written.isEmpty { return [] }
    let body = body(graph, stored + written.map(\.node))
    var stores = written.map { "\($0.target) = \(body.text($0.node));" }
    for node in stored {
      let array = newArray(of: node)
      stores.append("\(array)[g] = \(body.text(node));")
      if isRow[node] { kept[node] = "\(array)[g]" }
    }
    return ["for (size_t g = 0; g < n; g++) {"] + (body.constants + stores).map { "  " + $0 } + ["}"]
  }

  private mutating func newArray(of node: Int) -> String {
    arrayCount += 1
    arrays[node] = "m\(arrayCount)"
    return "m\(arrayCount)"
  }

  private mutating func statistic(_ index: Int, _ graph: Graph) -> [String] {
    let node = graph.nodes[index]
    func array(_ operand: Int) -> String { arrays[operand] ?? "" }
    switch node.operation {
    case .batchSorted, .batchUnsorted:
      isSorting = true
      let result = newArray(of: index)
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

  /// The code of some nodes of a graph.
  private struct Body {
    let code: CodeBody
    /// The index in the code's graph of each node.
    let places: [Int: Int]

    var constants: [String] { code.constants }
    func text(_ node: Int) -> String { code.text(places[node] ?? 0) }
  }

  /// Code in which kept values are read, from a graph that holds no other values than the roots depend on.
  private func body(_ graph: Graph, _ roots: [Int]) -> Body {
    var reached = Set(roots)
    var open = Array(reached)
    while let index = open.popLast() {
      guard kept[index] == nil else { continue }
      for operand in graph.nodes[index].operands where reached.insert(operand).inserted { open.append(operand) }
    }
    var shown = Graph()
    var places: [Int: Int] = [:]
    var texts: [String] = []
    let count = formula.columns.count
    for index in reached.sorted() {
      var node = graph.nodes[index]
      if let text = kept[index] {
        // A leaf, encoded as an input whose column index is past all columns.
        node = GraphNode(.input, a: count + texts.count)
        texts.append(text)
      } else {
        for path in [\GraphNode.a, \GraphNode.b, \GraphNode.c].prefix(node.operation.arity) {
          node[keyPath: path] = places[node[keyPath: path]] ?? 0
        }
      }
      places[index] = shown.nodes.count
      shown.nodes.append(node)
    }
    let code = CodeBody(shown, roots: roots.map { places[$0] ?? 0 }, language: .c) { [texts, leaf] node in
      node.operation == .input && node.a >= count ? texts[node.a - count] : leaf(node)
    }
    return Body(code: code, places: places)
  }
}
