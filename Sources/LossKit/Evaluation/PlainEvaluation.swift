/// The plain evaluator: one value at a time, node by node, with the C library's functions.
///
/// The engine is tested against it.
package struct PlainEvaluation {
  /// An external value of a graph, given for each row.
  package enum External: Hashable, Sendable {
    case input(InputSlot), rowIndex, uniform(stream: UInt32)
    case tokenIndex, tokenCount, tokenShortest, tokenRandomRank(stream: UInt32)
    /// A column at its own extent.
    case column(Int, reference: Int)
    /// The cotangent of an output.
    case cotangent(output: Int)
  }

  /// The rows of each extent, nested: the rows of one prompt, and of one response, are contiguous.
  package struct Rows {
    /// The prompt of each response and the response of each token.
    let prompts: [Int], responses: [Int]
    let promptCount: Int

    /// `tokens` holds the lengths of the responses of each prompt.
    package init(tokens: [[Int]]) {
      promptCount = tokens.count
      prompts = tokens.enumerated().flatMap { prompt, lengths in lengths.map { _ in prompt } }
      responses = tokens.flatMap { $0 }.enumerated().flatMap { response, length in
        Array(repeating: response, count: length)
      }
    }

    /// Creates rows of prompts alone.
    init(prompts: Int) {
      promptCount = prompts
      (self.prompts, responses) = ([], [])
    }

    func count(_ extent: Extent) -> Int {
      switch extent {
      case .batch: 1
      case .prompt: promptCount
      case .response: prompts.count
      case .token: responses.count
      }
    }

    /// The row of `coarse` that a row of `fine` belongs to.
    func row(_ row: Int, of fine: Extent, in coarse: Extent) -> Int {
      if fine == coarse { return row }
      switch fine {
      case .token: return self.row(responses[row], of: .response, in: coarse)
      case .response: return self.row(prompts[row], of: .prompt, in: coarse)
      case .prompt, .batch: return 0
      }
    }

    /// The rows of `fine` that belong to each row of `coarse`.
    func segments(of fine: Extent, in coarse: Extent) -> [[Int]] {
      var segments = [[Int]](repeating: [], count: count(coarse))
      for index in 0..<count(fine) { segments[row(index, of: fine, in: coarse)].append(index) }
      return segments
    }
  }

  /// The values of each node, one for each row of its extent.
  package private(set) var values: [[Double]] = []
  private let rows: Rows
  private let extents: [Extent]

  /// Evaluates a graph over the rows of a batch; `external` returns the value at a row of its extent.
  package init(
    _ graph: Graph, rows: Rows, parameters: [Double] = [], state: [Double] = [],
    external: (External, _ row: Int) -> Double
  ) {
    self.rows = rows
    extents = graph.extents
    for (index, node) in graph.nodes.enumerated() {
      values.append(column(of: node, extents[index], parameters, state, external))
    }
  }

  /// Evaluates a graph over `rows` prompts; a number of the whole batch is repeated for every prompt.
  package init(
    _ graph: Graph, rows: Int, parameters: [Double], state: [Double], external: (External, _ row: Int) -> Double
  ) {
    self.init(graph, rows: Rows(prompts: rows), parameters: parameters, state: state, external: external)
    values = zip(values, extents).map { values, extent in
      extent == .batch ? Array(repeating: values[0], count: rows) : values
    }
  }

  private func column(
    of node: GraphNode, _ extent: Extent, _ parameters: [Double], _ state: [Double],
    _ external: (External, _ row: Int) -> Double
  ) -> [Double] {
    func each(_ value: (Int) -> Double) -> [Double] { (0..<rows.count(extent)).map(value) }
    func given(_ kind: External) -> [Double] { each { external(kind, $0) } }
    let entry = node.operation.entry
    if entry.isElementwise {
      let operands = node.operands.map { broadcast($0, to: extent) }
      let value = entry.value
      return each { row in
        value(
          operands[0][row], operands.count > 1 ? operands[1][row] : 0, operands.count > 2 ? operands[2][row] : 0)
      }
    }
    let stream = UInt32(truncatingIfNeeded: node.a)
    switch node.operation {
    case .constant: return [node.value]
    case .parameter: return [parameters[node.a]]
    case .state: return [state[node.a]]
    case .batchCount: return [Double(rows.promptCount)]
    case .input: return given(.input(InputSlot(column: node.a, slot: node.b)))
    case .column: return given(.column(node.a, reference: node.b))
    case .rowIndex: return given(.rowIndex)
    case .uniform: return given(.uniform(stream: stream))
    case .tokenIndex: return given(.tokenIndex)
    case .tokenCount: return given(.tokenCount)
    case .tokenShortest: return given(.tokenShortest)
    case .tokenRandomRank: return given(.tokenRandomRank(stream: stream))
    case .cotangent: return given(.cotangent(output: node.a))
    case .count: return rows.segments(of: Extent(rawValue: node.a) ?? .batch, in: extent).map { Double($0.count) }
    case .place:
      return rows.segments(of: extent, in: Extent(rawValue: node.a) ?? .batch)
        .flatMap { $0.indices.map(Double.init) }
    case .batchMean, .batchMeanGradient: return [mean(node.a)]
    case .batchSorted:
      let values = broadcast(node.a, to: extent)
      return order(of: values).map { values[$0] }
    case .batchUnsorted:
      let values = broadcast(node.a, to: extent)
      var unsorted = values
      for (rank, row) in order(of: broadcast(node.b, to: extent)).enumerated() { unsorted[row] = values[rank] }
      return unsorted
    default: return segmented(node, extent)
    }
  }

  private func broadcast(_ node: Int, to extent: Extent) -> [Double] {
    let own = extents[node]
    if own == extent { return values[node] }
    if own == .batch { return Array(repeating: values[node][0], count: rows.count(extent)) }
    return (0..<rows.count(extent)).map { values[node][rows.row($0, of: extent, in: own)] }
  }

  private func mean(_ node: Int) -> Double {
    extents[node] == .batch ? values[node][0] : pairwiseSum(values[node]) / Double(rows.promptCount)
  }

  /// Evaluates a reduction to a coarser extent, or a sweep along segments.
  private func segmented(_ node: GraphNode, _ extent: Extent) -> [Double] {
    let leadsUp = node.operation == .sum || node.operation == .largest || node.operation == .pick
    let fine = leadsUp ? extents[node.a] : extent
    let segments = rows.segments(of: fine, in: leadsUp ? extent : node.statedExtent)
    func value(_ node: Int, _ row: Int) -> Double { values[node][rows.row(row, of: fine, in: extents[node])] }
    let results = segments.map { segment -> [Double] in
      let a = segment.map { value(node.a, $0) }
      switch node.operation {
      case .sum: return [pairwiseSum(a)]
      case .largest: return [a.reduce(-.infinity) { Operation.maximum($0, $1) }]
      case .pick: return [node.b < a.count ? a[node.b] : .nan]
      case .scan:
        return along(segment.indices, node) { before, row in
          Operation.annihilate(a[row], before ?? 0) + value(node.b, segment[row])
        }
      case .scanLogSumExp:
        return along(segment.indices, node) { before, row in
          let (before, after) = (before ?? -.infinity, a[row])
          if before == after, before.isInfinite { return before }
          return Operation.maximum(after, before) + Operation.log1p(Operation.exp(-Swift.abs(after - before)))
        }
      case .shift:
        return a.indices.map { row in
          let from = row - (node.b == 0 ? 1 : -1)
          return a.indices.contains(from) ? a[from] : node.value
        }
      case .order:
        var places = a
        for (place, row) in order(of: a).enumerated() { places[row] = Double(place) }
        return places
      default:
        let largest = a.indices.max { a[$0] < a[$1] || (a[$0] == a[$1] && $0 > $1) }
        return a.indices.map { $0 == largest ? 1 : 0 }
      }
    }
    return results.flatMap { $0 }
  }

  private func along(
    _ rows: Range<Int>, _ node: GraphNode, _ value: (_ before: Double?, _ row: Int) -> Double
  ) -> [Double] {
    var values = [Double](repeating: 0, count: rows.count)
    var before: Double?
    for row in node.value == 0 ? Array(rows) : rows.reversed() {
      values[row] = value(before, row)
      before = values[row]
    }
    return values
  }

  private func order(of keys: [Double]) -> [Int] {
    keys.indices.sorted { keys[$0] == keys[$1] ? $0 < $1 : keys[$0] < keys[$1] }
  }
}
