/// Traces a component for K responses, R references and the values of its structural hyperparameters.
struct Tracer {
  let component: ErasedComponent
  /// The columns declared so far; a trace may add to them.
  var columns: [Column] = []
  /// Whether the columns are complete: reading another is then an error.
  var isComplete = false

  /// Runs the author's function with symbols. `values` are in declared order; those of symbolic hyperparameters are ignored.
  mutating func trace(responses: Int, references: Int, values: [Double]) throws -> Graph {
    let (outputs, states) = component.run(values, responses, references)
    var graph = try convert(outputs: outputs, states: states)
    graph.rows = component.rows
    graph.responses = responses
    graph.references = references
    try check(graph)
    return graph
  }

  private mutating func convert(outputs: [Formula], states: [Formula]) throws -> Graph {
    var builder = GraphBuilder()
    var places: [ObjectIdentifier: Int] = [:]
    var batchNodes = 0.0
    // An explicit stack, because the formula of a ranking is deep.
    for root in outputs + states {
      var stack = [root.node]
      while let node = stack.last {
        if places[ObjectIdentifier(node)] != nil {
          stack.removeLast()
          continue
        }
        let waiting = node.operands.filter { places[ObjectIdentifier($0)] == nil }
        if !waiting.isEmpty {
          stack.append(contentsOf: waiting.reversed())
          continue
        }
        stack.removeLast()
        let operands = node.operands.compactMap { places[ObjectIdentifier($0)] } + [0, 0]
        let place: Int
        if let symbol = node.symbol {
          place = builder.insert(try self.node(for: symbol))
        } else if node.operation.isBatch {
          place = builder.insert(GraphNode(node.operation, a: operands[0], value: batchNodes))
          batchNodes += 1
        } else {
          place = builder.add(node.operation, operands[0], operands[1], operands[2])
        }
        places[ObjectIdentifier(node)] = place
      }
    }
    var graph = Graph()
    graph.nodes = builder.nodes
    graph.outputs = outputs.compactMap { places[ObjectIdentifier($0.node)] }
    graph.stateOutputs = states.compactMap { places[ObjectIdentifier($0.node)] }
    return graph
  }

  private mutating func node(for symbol: Formula.Symbol) throws -> GraphNode {
    switch symbol {
    case .constant(let value): return GraphNode(.constant, value: value)
    case .input(let column, let slot): return GraphNode(.input, a: try index(of: column), b: slot)
    case .parameter(let name):
      guard let index = component.hyperparameters.firstIndex(where: { $0.name == name }) else {
        throw Failure("\(component.name): the formula uses a hyperparameter '\(name)' that is not declared")
      }
      return GraphNode(.parameter, a: index)
    case .state(let name):
      guard let index = component.stateNames.firstIndex(of: name) else {
        throw Failure("\(component.name): the formula uses a state '\(name)' that is not declared")
      }
      return GraphNode(.state, a: index)
    case .batchCount: return GraphNode(.batchCount)
    case .rowIndex: return GraphNode(.rowIndex)
    case .uniform(let stream): return GraphNode(.uniform, a: Int(stream))
    case .tokenIndex: return GraphNode(.tokenIndex)
    case .tokenCount: return GraphNode(.tokenCount)
    case .tokenShortest: return GraphNode(.tokenShortest)
    case .tokenRandomRank(let stream): return GraphNode(.tokenRandomRank, a: Int(stream))
    }
  }

  private mutating func index(of column: Column) throws -> Int {
    if let index = columns.firstIndex(where: { $0.name == column.name }) {
      let declared = columns[index]
      guard declared.extent == column.extent, declared.isDifferentiable == column.isDifferentiable,
        declared.isPerReference == column.isPerReference
      else {
        throw Failure(
          "\(component.name): column '\(column.name)' is declared in two ways; declare it once and use that")
      }
      return index
    }
    if isComplete {
      throw Failure(
        "\(component.name): column '\(column.name)' is read for some numbers of responses only; read it for all")
    }
    columns.append(column)
    return columns.count - 1
  }

  private func check(_ graph: Graph) throws {
    let depends = graph.rowDependence
    if let state = graph.stateOutputs.firstIndex(where: { depends[$0] }) {
      throw Failure(
        "\(component.name): state '\(component.stateNames[state])' would differ from prompt to prompt; "
          + "assign it a number of the whole batch, such as batchMean(…)")
    }
    let isToken = component.rows == .token
    let isReward = component.kind == .reward
    let mask = graph.reached(from: graph.outputs)
    for (index, node) in graph.nodes.enumerated() where mask[index] {
      if isReward, node.operation.isBatch || node.operation == .batchCount || node.operation == .rowIndex {
        throw Failure(
          "\(component.name): a reward depends on its own prompt alone; \(node.operation) belongs in a loss")
      }
      switch node.operation {
      case .tokenIndex, .tokenCount, .tokenShortest, .tokenRandomRank:
        if !isToken { throw Failure("\(component.name): tokens are known to a TokenwiseReward only") }
      case .input:
        if (columns[node.a].extent == .token) != isToken {
          throw Failure(
            "\(component.name): column '\(columns[node.a].name)' is per \(columns[node.a].extent), "
              + "which \(isToken ? "a TokenwiseReward cannot read" : "only a TokenwiseReward can read")")
        }
      default: break
      }
    }
  }
}
