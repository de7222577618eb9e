import LossKit

/// An exported formula as a fragment of a LaTeX document (with amsmath): loss or reward, and its partial derivatives.
package struct LaTeXSource {
  private let formula: ExportedFormula

  package init(_ formula: ExportedFormula) { self.formula = formula }

  package var text: String {
    let names = formula.parameters.map(\.name)
    let symbols = FormulaSymbols(
      columns: formula.columns, parameters: names,
      parameterSymbols: formula.parameters.map { parameter in
        // A name that was changed to be unique is clearer than a symbol that several share.
        parameter.name == parameter.key ? parameter.symbol : parameter.name
      }, states: formula.states.map(\.name))
    let notation = LaTeXNotation(symbols)
    var blocks = ["% \(formula.title.replacing("\n", with: " ")), written by LossKit."]
    if let tokens = formula.tokens { blocks.append(equations(tokens, of: "r_t", notation)) }
    if let main = formula.main {
      blocks.append(equations(main, of: formula.kind == .reward ? "r" : "\\ell", notation))
    }
    let values = formula.parameters.indices.map { index in
      let node = GraphNode(.parameter, a: index)
      let value = GraphNode(.constant, value: formula.parameters[index].value)
      return "$\(notation.text(ofLeaf: node, in: Graph())) = \(notation.text(ofLeaf: value, in: Graph()))$"
    }
    if !values.isEmpty { blocks.append("% The values it was written with:\nwith \(values.joined(separator: ", ")).") }
    return blocks.joined(separator: "\n") + "\n"
  }

  private func equations(_ part: ExportedFormula.Part, of symbol: String, _ notation: LaTeXNotation) -> String {
    let description = FormulaDescription(part.source, columns: formula.columns, notation: notation)
    let lines =
      description.definitions.map { "\($0.name) &= \($0.text)" } + ["\(symbol) &= \(description.value)"]
      + description.gradient.map { "\\frac{\\partial \(symbol)}{\\partial \($0.name)} &= \($0.text)" }
    return "\\begin{align*}\n" + lines.map { "  " + $0 }.joined(separator: " \\\\\n") + "\n\\end{align*}"
  }
}
