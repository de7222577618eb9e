import LossKit
package import LossKitSource

/// A component's formula and gradient as text, with hyperparameters as symbols.
package struct FormulaTexts {
  /// The number of responses for which the formula is written.
  package let responses: Int
  package let plain, latex: FormulaDescription

  /// Writes a component's formula in its default form; nil if the library exports none.
  init?(_ component: LoadedComponent) throws {
    responses = min(max(component.responses.lowerBound, 2), component.responses.upperBound)
    let graph = try component.formula(
      responses: responses, references: max(component.references.lowerBound, 1),
      values: component.parameters.map(\.initial))
    guard let graph else { return nil }
    let symbols = FormulaSymbols(
      columns: component.inputs, parameters: component.parameters.map(\.name),
      parameterSymbols: component.parameters.map(\.symbol), states: component.stateNames)
    plain = FormulaDescription(graph, columns: component.inputs, notation: PlainNotation(symbols))
    latex = FormulaDescription(graph, columns: component.inputs, notation: LaTeXNotation(symbols))
  }
}
