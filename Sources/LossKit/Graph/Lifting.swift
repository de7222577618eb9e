/// Lifting a formula over tokens into a graph with extents.
extension Graph {
  /// The same formula with the extents of its values; outputs over tokens are summed per response.
  package func lifted() -> Graph {
    guard rows == .token else { return self }
    var builder = GraphBuilder()
    let places = builder.lift(self) { builder, node in
      node.operation == .input ? builder.column(node.a, reference: node.b, per: .token) : nil
    }
    var graph = self
    graph.nodes = builder.nodes
    graph.outputs = outputs.map { places[$0] }
    graph.rows = .response
    return graph
  }
}

extension GraphBuilder {
  /// Adds a formula over tokens and the sums of its outputs per response; returns the new index of each of its nodes, of an output its sum.
  ///
  /// `leaf` makes the node of a column, a parameter or a state; if it returns nil, the node is kept.
  package mutating func lift(_ graph: Graph, leaf: (inout GraphBuilder, GraphNode) throws -> Int?) rethrows -> [Int] {
    var places = try append(graph, reaching: graph.outputs) { node, builder in
      switch node.operation {
      case .tokenIndex: builder.place(of: .token, in: .response)
      case .tokenCount: builder.count(of: .token, per: .response)
      case .tokenShortest: builder.shortestResponse()
      case .tokenRandomRank:
        builder.order(builder.uniform(stream: node.a, per: .token), along: .response)
      case .uniform: builder.uniform(stream: node.a, per: .token)
      case .input, .parameter, .state: try leaf(&builder, node)
      default: nil
      }
    }
    for output in Set(graph.outputs) { places[output] = sum(places[output], over: .token, to: .response) }
    return places
  }

  /// The number of tokens of the shortest response of each prompt.
  private mutating func shortestResponse() -> Int {
    add(.negate, largest(add(.negate, count(of: .token, per: .response)), to: .prompt))
  }
}
