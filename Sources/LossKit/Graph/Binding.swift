/// Binding hyperparameters to values.
extension Graph {
  /// The graph with the given values for hyperparameters (nil keeps the symbol), without factors of 0 and branches that are then never
  /// taken.
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

  /// The values of the hyperparameters that decide what the graph needs at `values`, nil for those that can stay symbols: bound to these
  /// alone, the graph reads no more columns, and depends no more on the batch, than bound to all.
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
