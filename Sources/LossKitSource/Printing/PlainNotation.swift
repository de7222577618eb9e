package import LossKit

/// The notation of formulas as typed by users: `-logsigmoid(beta * (chosen.reward - rejected.reward))`.
package struct PlainNotation: FormulaNotation {
  private let symbols: FormulaSymbols

  package init(_ symbols: FormulaSymbols) { self.symbols = symbols }

  package func name(ofDefinition index: Int) -> String {
    let names = ["z", "u", "v", "w"].filter { !isTaken($0) }
    if index < names.count { return names[index] }
    let name = "t\(index - names.count + 1)"
    return isTaken(name) ? name + "_" : name
  }

  /// Whether a definition of this name would hide a hyperparameter or a state.
  private func isTaken(_ name: String) -> Bool { symbols.parameters.contains(name) || symbols.states.contains(name) }

  package func write(_ node: GraphNode, graph: Graph, operands: [FormulaPiece]) -> FormulaPiece {
    switch node.operation {
    case .constant: return constant(node.value)
    case .input: return FormulaPiece(input(node, graph), .atom)
    case .parameter: return FormulaPiece(symbols.parameters[node.a], .atom)
    case .state: return FormulaPiece(symbols.states[node.a], .atom)
    case .tokenRandomRank where node.a > 0: return FormulaPiece("token.random_rank(\(node.a))", .atom)
    default: return FormulaPiece(node.operation.entry.plain, of: node, operands)
    }
  }

  private func constant(_ value: Double) -> FormulaPiece {
    FormulaPiece(roundTripDecimal(value), value < 0 ? .negation : .atom)
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
