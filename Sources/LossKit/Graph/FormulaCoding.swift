package import CLossKit

extension Graph {
  /// Calls a closure with the graph in the ABI's form.
  package func withEncoded<Result>(_ body: (UnsafePointer<losskit_formula>) throws -> Result) rethrows -> Result {
    let encoded = nodes.map { node in
      losskit_formula_node(
        operation: node.operation.rawValue, a: UInt32(truncatingIfNeeded: node.a),
        b: UInt32(truncatingIfNeeded: node.b), c: UInt32(truncatingIfNeeded: node.c), value: node.value)
    }
    let outputs = self.outputs.map { UInt32(truncatingIfNeeded: $0) }
    let states = stateOutputs.map { UInt32(truncatingIfNeeded: $0) }
    return try encoded.withUnsafeBufferPointer { nodes in
      try outputs.withUnsafeBufferPointer { outputs in
        try states.withUnsafeBufferPointer { states in
          var formula = losskit_formula(
            rows: rows.rawValue, node_count: nodes.count, output_count: outputs.count, nodes: nodes.baseAddress,
            outputs: outputs.baseAddress, state_outputs: states.baseAddress)
          return try withUnsafePointer(to: &formula, body)
        }
      }
    }
  }

  /// Creates the graph of a plugin's formula; nil if it uses an unknown operation.
  ///
  /// Throws if the formula is inconsistent, or contradicts its component's declaration.
  package init?(
    decoding formula: losskit_formula, responses: Int, references: Int, columns: [Column], parameterCount: Int,
    stateCount: Int
  ) throws {
    self.init()
    guard let rows = Column.Extent(rawValue: formula.rows), rows != .response else {
      throw Failure("its formula is over neither prompts nor tokens")
    }
    self.rows = rows
    self.responses = responses
    self.references = references
    guard formula.node_count < 1 << 24, formula.node_count == 0 || formula.nodes != nil else {
      throw Failure("its formula has \(formula.node_count) nodes")
    }
    var batchNodes = 0.0
    for index in 0..<formula.node_count {
      let encoded = formula.nodes[index]
      guard let operation = Operation(rawValue: encoded.operation), !operation.isInternal else { return nil }
      var node = GraphNode(
        operation, a: Int(encoded.a), b: Int(encoded.b), c: Int(encoded.c),
        value: operation == .constant ? encoded.value : 0)
      if operation.isBatch {
        node.value = batchNodes
        batchNodes += 1
      }
      try Self.check(
        node, at: index, rows: rows, responses: responses, references: references, columns: columns,
        parameterCount: parameterCount, stateCount: stateCount)
      nodes.append(node)
    }
    outputs = try Self.indices(formula.outputs, count: formula.output_count, below: nodes.count)
    stateOutputs = try Self.indices(formula.state_outputs, count: stateCount, below: nodes.count)
    let depends = rowDependence
    guard !stateOutputs.contains(where: { depends[$0] }) else {
      throw Failure("a state of its formula differs from row to row")
    }
  }

  private static func check(
    _ node: GraphNode, at index: Int, rows: Column.Extent, responses: Int, references: Int, columns: [Column],
    parameterCount: Int, stateCount: Int
  ) throws {
    guard node.operands.allSatisfy({ $0 < index }) else {
      throw Failure("node \(index) of its formula precedes its operand")
    }
    switch node.operation {
    case .input:
      guard node.a < columns.count else { throw Failure("node \(index) of its formula reads an undeclared column") }
      let column = columns[node.a]
      // Over other rows than its extent's, a column would be read out of bounds.
      guard (column.extent == .token) == (rows == .token) else {
        throw Failure(
          "node \(index) of its formula reads column '\(column.name)' per \(column.extent), and is evaluated per \(rows)"
        )
      }
      let slots =
        (column.extent == .response ? responses : 1) * (column.isPerReference ? max(references, 1) : 1)
      guard node.b < slots else {
        throw Failure(
          "node \(index) of its formula reads slot \(node.b) of column '\(column.name)', which has \(slots)")
      }
    case .parameter where node.a >= parameterCount: throw Failure("node \(index) of its formula: no such parameter")
    case .state where node.a >= stateCount: throw Failure("node \(index) of its formula: no such state")
    case .tokenIndex, .tokenCount, .tokenShortest, .tokenRandomRank:
      guard rows == .token else {
        throw Failure("node \(index) of its formula asks for a token, and is evaluated per prompt")
      }
    case .batchCount, .rowIndex, .batchMean, .batchSorted:
      guard rows == .prompt else {
        throw Failure("node \(index) of its formula asks for the batch, and is evaluated per token")
      }
    default: break
    }
  }

  private static func indices(_ pointer: UnsafePointer<UInt32>?, count: Int, below limit: Int) throws -> [Int] {
    guard count > 0 else { return [] }
    guard let pointer else { throw Failure("its formula has no outputs") }
    let indices = (0..<count).map { Int(pointer[$0]) }
    guard indices.allSatisfy({ $0 < limit }) else { throw Failure("an output of its formula is not a node") }
    return indices
  }
}
