package import LossKit

/// Formulas in LaTeX's mathematics, with the papers' symbols.
package struct LaTeXNotation: FormulaNotation {
  private let symbols: FormulaSymbols

  package init(_ symbols: FormulaSymbols) { self.symbols = symbols }

  package func name(ofDefinition index: Int) -> String {
    let names = ["z", "u", "v", "w"]
    return index < names.count ? names[index] : "t_{\(index - names.count + 1)}"
  }

  package func write(_ node: GraphNode, graph: Graph, operands: [FormulaPiece]) -> FormulaPiece {
    switch node.operation {
    case .constant: return constant(node.value)
    case .input: return FormulaPiece(input(node, graph), .atom)
    case .parameter: return FormulaPiece(symbol(symbols.parameterSymbols[node.a]), .atom)
    case .state: return FormulaPiece(symbol(symbols.states[node.a]), .atom)
    case .batchCount: return FormulaPiece("B", .atom)
    case .rowIndex: return FormulaPiece("i", .atom)
    case .uniform: return FormulaPiece("U_{\(node.a)}", .atom)
    case .tokenIndex: return FormulaPiece("t", .atom)
    case .tokenCount: return FormulaPiece("|y|", .atom)
    case .tokenShortest: return FormulaPiece("\\min_k |y_k|", .atom)
    case .tokenRandomRank: return FormulaPiece("\\rho_{\(node.a)}(t)", .atom)
    case .cotangent: return FormulaPiece("c", .atom)
    case .add: return FormulaPiece("\(operands[0].text) + \(operands[1].text)", .sum)
    case .subtract: return FormulaPiece("\(operands[0].text) - \(operands[1].within(.product))", .sum)
    case .square:
      let base = operands[0]
      let isPlain = base.binding == .atom && base.text.allSatisfy { $0.isLetter }
      return FormulaPiece(isPlain ? "\(base.text)^2" : "\\left(\(base.text)\\right)^2", .atom)
    case .multiply, .annihilate:
      return FormulaPiece("\(operands[0].within(.product)) \\, \(operands[1].within(.product))", .product)
    case .divide: return FormulaPiece("\\frac{\(operands[0].text)}{\(operands[1].text)}", .atom)
    case .negate: return FormulaPiece("-\(operands[0].within(.product))", .negation)
    default: return FormulaPiece(function(node.operation, operands.map(\.text)), .atom)
    }
  }

  private func constant(_ value: Double) -> FormulaPiece {
    if value.isInfinite { return FormulaPiece(value < 0 ? "-\\infty" : "\\infty", value < 0 ? .negation : .atom) }
    let text = roundTripDecimal(value)
    let parts = text.split(separator: "e")
    let written = parts.count == 2 ? "\(parts[0]) \\cdot 10^{\(parts[1])}" : text
    return FormulaPiece(written, value < 0 || parts.count == 2 ? .negation : .atom)
  }

  private func function(_ operation: Operation, _ operands: [String]) -> String {
    let x = operands.first ?? ""
    return switch operation {
    case .exp: "e^{\(x)}"
    case .expm1: "\\left(e^{\(x)} - 1\\right)"
    case .log: "\\log\\left(\(x)\\right)"
    case .log1p: "\\log\\left(1 + \(x)\\right)"
    case .sqrt: "\\sqrt{\(x)}"
    case .tanh: "\\tanh\\left(\(x)\\right)"
    case .sigmoid: "\\sigma\\left(\(x)\\right)"
    case .logSigmoid: "\\log \\sigma\\left(\(x)\\right)"
    case .softplus: "\\log\\left(1 + e^{\(x)}\\right)"
    case .log1mexp: "\\log\\left(1 - e^{\(x)}\\right)"
    case .abs: "\\left|\(x)\\right|"
    case .relu: "\\max\\left(0, \(x)\\right)"
    case .floor: "\\left\\lfloor \(x) \\right\\rfloor"
    case .sign: "\\operatorname{sign}\\left(\(x)\\right)"
    case .stopGradient: "\\operatorname{sg}\\left[\(x)\\right]"
    case .minimum: "\\min\\left(\(x), \(operands[1])\\right)"
    case .maximum: "\\max\\left(\(x), \(operands[1])\\right)"
    case .clamp: "\\operatorname{clip}_{[\(operands[1]), \(operands[2])]}\\left(\(x)\\right)"
    case .select:
      "\\begin{cases} \(operands[1]) & \(x) > 0 \\\\ \(operands[2]) & \\text{otherwise} \\end{cases}"
    case .batchMean, .batchMeanGradient: "\\mathbb{E}_B\\left[\(x)\\right]"
    case .batchSorted: "\\operatorname{sort}_B\\left(\(x)\\right)"
    case .batchUnsorted: "\\operatorname{sort}_B^{-1}\\left(\(x); \(operands[1])\\right)"
    default: "\\operatorname{\(operation)}\\left(\(operands.joined(separator: ", "))\\right)"
    }
  }

  private func input(_ node: GraphNode, _ graph: Graph) -> String {
    let column = symbols.columns[node.a]
    let count = column.extent == .response ? max(graph.responses, 1) : 1
    let (reference, rank) = node.b.quotientAndRemainder(dividingBy: count)
    var index = ""
    if column.extent == .response, graph.responses == 2 { index = rank == 0 ? "w" : "l" }
    if column.extent == .response, graph.responses > 2 { index = "\(rank + 1)" }
    let response = index.isEmpty ? "y" : "y_{\(index)}"
    let referenceIndex = graph.references > 1 ? "ref,\(reference + 1)" : "ref"
    switch column.name {
    case Column.reward.name: return index.isEmpty ? "r" : "r_{\(index)}"
    case Column.logProbability.name: return "\\log \\pi(\(response))"
    case Column.referenceLogProbability.name: return "\\log \\pi_{\\mathrm{\(referenceIndex)}}(\(response))"
    case Column.tokenLogProbability.name: return "\\log \\pi(y_t)"
    case Column.referenceTokenLogProbability.name: return "\\log \\pi_{\\mathrm{\(referenceIndex)}}(y_t)"
    case Column.tokenCount.name: return "|\(response)|"
    case Column.score.name: return index.isEmpty ? "s" : "s_{\(index)}"
    default: return index.isEmpty ? symbol(column.name) : "{\(symbol(column.name))}_{\(index)}"
    }
  }

  private static let greek: Set<String> = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "rho", "sigma",
    "tau", "phi", "chi", "psi", "omega",
  ]

  /// A name as a symbol: Greek letters by name, one letter as it is, what is LaTeX already unchanged.
  private func symbol(_ name: String) -> String {
    if name.contains("\\") || name.count == 1 { return name }
    if Self.greek.contains(name) { return "\\\(name)" }
    return "\\mathrm{\(name.split(separator: "_").joined(separator: "\\_"))}"
  }
}

extension FormulaPiece {
  /// The text, in parentheses where it binds looser than its surroundings.
  fileprivate func within(_ surroundings: Binding) -> String {
    binding < surroundings ? "\\left(\(text)\\right)" : text
  }
}
