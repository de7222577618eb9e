/// A graph at given values of its hyperparameters.
extension Graph {
  /// The graph with numbers for the hyperparameters that have a value, and without what these leave out of use: what is multiplied
  /// with 0, and a branch that is never taken.
  package func bound(to values: [Double?]) -> Graph {
    var builder = GraphBuilder()
    let roots = outputs + stateOutputs
    let places = builder.append(self, reaching: roots) { node, builder in
      guard node.operation == .parameter, let value = values[node.a] else { return nil }
      return builder.constant(value)
    }
    var graph = self
    graph.nodes = builder.nodes
    graph.outputs = outputs.map { places[$0] }
    graph.stateOutputs = stateOutputs.map { places[$0] }
    return graph
  }

  /// Numbers for the hyperparameters that decide what is needed at `values`, nil for those that can stay symbols: with these numbers
  /// alone the graph reads no more columns, and depends no more on the batch, than with all.
  package func decidingValues(among values: [Double]) -> [Double?] {
    let all = bound(to: values)
    let columns = Set(all.inputs(of: all.outputs + all.stateOutputs).map(\.column))
    var deciding = values.map(Optional.some)
    for index in values.indices {
      deciding[index] = nil
      let graph = bound(to: deciding)
      let read = Set(graph.inputs(of: graph.outputs + graph.stateOutputs).map(\.column))
      if !read.isSubset(of: columns) || graph.isRowwise != all.isRowwise { deciding[index] = values[index] }
    }
    return deciding
  }
}
