package import LossKit

/// The notation of formulas as typed by users: `-logsigmoid(beta * (chosen.reward - rejected.reward))`.
package struct PlainNotation: FormulaNotation {
  private let symbols: FormulaSymbols
  /// The names of hyperparameters and states, which a definition of that name would hide.
  private let taken: Set<String>

  package init(_ symbols: FormulaSymbols) {
    self.symbols = symbols
    taken = Set(symbols.parameters + symbols.states)
  }

  package func name(ofDefinition index: Int) -> String {
    let names = ["z", "u", "v", "w"].filter { !taken.contains($0) }
    if index < names.count { return names[index] }
    let name = "t\(index - names.count + 1)"
    return taken.contains(name) ? name + "_" : name
  }

  package func form(of node: GraphNode, in graph: Graph) -> FormulaForm {
    switch node.operation {
    case .constant: return constant(node.value)
    case .input: return .text(input(node, graph), .atom)
    case .parameter: return .text(symbols.parameters[node.a], .atom)
    case .state: return .text(symbols.states[node.a], .atom)
    case .tokenRandomRank where node.a > 0: return .text("token.random_rank(\(node.a))", .atom)
    default: return .spelling(node.operation.entry.plain)
    }
  }

  private func constant(_ value: Double) -> FormulaForm {
    .text(roundTripDecimal(value), value < 0 ? .negation : .atom)
  }

  private func input(_ node: GraphNode, _ graph: Graph) -> String {
    let column = symbols.columns[node.a]
    let count = column.extent == .response ? max(graph.responses, 1) : 1
    let (reference, rank) = node.b.quotientAndRemainder(dividingBy: count)
    let name = column.isPerReference && graph.references > 1 ? "\(column.name)[\(reference)]" : column.name
    switch (column.extent, graph.responses) {
    case (.response, 2): return rank == 0 ? "chosen.\(name)" : "rejected.\(name)"
    case (.response, 3...): return "responses[\(rank)].\(name)"
    case (.response, _): return "response.\(name)"
    case (.token, _): return "token.\(name)"
    case (.prompt, _): return name
    }
  }
}
