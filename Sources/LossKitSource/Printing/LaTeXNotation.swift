package import LossKit

/// The notation of formulas in LaTeX, with the papers' symbols.
package struct LaTeXNotation: FormulaNotation {
  private let symbols: FormulaSymbols

  package init(_ symbols: FormulaSymbols) { self.symbols = symbols }

  package func name(ofDefinition index: Int) -> String {
    let names = ["z", "u", "v", "w"]
    return index < names.count ? names[index] : "t_{\(index - names.count + 1)}"
  }

  package var parentheses: (opening: String, closing: String) { ("\\left(", "\\right)") }

  package func form(of node: GraphNode, in graph: Graph) -> FormulaForm {
    switch node.operation {
    case .constant: return constant(node.value)
    case .input: return .text(input(node, graph), .atom)
    case .parameter: return .text(symbol(symbols.parameterSymbols[node.a]), .atom)
    case .state: return .text(symbol(symbols.states[node.a]), .atom)
    default: return .spelling(node.operation.entry.latex)
    }
  }

  private func constant(_ value: Double) -> FormulaForm {
    if value.isInfinite { return .text(value < 0 ? "-\\infty" : "\\infty", value < 0 ? .negation : .atom) }
    let text = roundTripDecimal(value)
    let parts = text.split(separator: "e")
    let written = parts.count == 2 ? "\(parts[0]) \\cdot 10^{\(parts[1])}" : text
    return .text(written, value < 0 || parts.count == 2 ? .negation : .atom)
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

  /// A name as a symbol: Greek letters by name, single letters and LaTeX unchanged.
  private func symbol(_ name: String) -> String {
    if name.contains("\\") || name.count == 1 { return name }
    if Self.greek.contains(name) { return "\\\(name)" }
    return "\\mathrm{\(name.split(separator: "_").joined(separator: "\\_"))}"
  }
}
