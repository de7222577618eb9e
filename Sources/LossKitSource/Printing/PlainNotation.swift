package import LossKit

/// Formulas as they are typed: `-logsigmoid(beta * (chosen.reward - rejected.reward))`.
package struct PlainNotation: FormulaNotation {
  private let symbols: FormulaSymbols

  package init(_ symbols: FormulaSymbols) { self.symbols = symbols }

  package func name(ofDefinition index: Int) -> String {
    let names = ["z", "u", "v", "w"].filter { !isTaken($0) }
    if index < names.count { return names[index] }
    let name = "t\(index - names.count + 1)"
    return isTaken(name) ? name + "_" : name
  }

  /// A definition must not hide a hyperparameter.
  private func isTaken(_ name: String) -> Bool { symbols.parameters.contains(name) || symbols.states.contains(name) }

  package func write(_ node: GraphNode, graph: Graph, operands: [FormulaPiece]) -> FormulaPiece {
    switch node.operation {
    case .constant: return constant(node.value)
    case .input: return FormulaPiece(input(node, graph), .atom)
    case .parameter: return FormulaPiece(symbols.parameters[node.a], .atom)
    case .state: return FormulaPiece(symbols.states[node.a], .atom)
    case .uniform: return FormulaPiece("uniform(\(node.a))", .atom)
    case .tokenRandomRank: return FormulaPiece("token.random_rank\(node.a == 0 ? "" : "(\(node.a))")", .atom)
    case .cotangent: return FormulaPiece("cotangent", .atom)
    case .add: return FormulaPiece("\(operands[0].text) + \(operands[1].text)", .sum)
    case .subtract: return FormulaPiece("\(operands[0].text) - \(operands[1].in(.product))", .sum)
    case .multiply, .annihilate:
      return FormulaPiece("\(operands[0].in(.product)) * \(operands[1].in(.negation))", .product)
    case .divide: return FormulaPiece("\(operands[0].in(.product)) / \(operands[1].in(.negation))", .product)
    case .negate: return FormulaPiece("-\(operands[0].in(.product))", .negation)
    default:
      let arguments = operands.map(\.text).joined(separator: ", ")
      return FormulaPiece(operands.isEmpty ? name(node.operation) : "\(name(node.operation))(\(arguments))", .atom)
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

  private func name(_ operation: Operation) -> String {
    switch operation {
    case .batchCount: "batch_count"
    case .rowIndex: "row"
    case .tokenIndex: "token.index"
    case .tokenCount: "token.count"
    case .tokenShortest: "token.shortest"
    case .logSigmoid: "logsigmoid"
    case .stopGradient: "stop_gradient"
    case .batchMean, .batchMeanGradient: "batch_mean"
    case .batchSorted: "batch_sorted"
    case .batchUnsorted: "batch_unsorted"
    default: "\(operation)"
    }
  }
}

extension FormulaPiece {
  /// The text, in parentheses where it binds looser than its surroundings.
  package func `in`(_ surroundings: Binding) -> String { binding < surroundings ? "(\(text))" : text }
}
