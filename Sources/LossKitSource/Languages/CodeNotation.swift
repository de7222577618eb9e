import LossKit

/// The notation of formulas as expressions of a programming language.
struct CodeNotation: FormulaNotation {
  let language: CodeLanguage
  /// The expression of a leaf: a column's slot, a hyperparameter, a state.
  let leaf: (GraphNode) -> String

  func name(ofDefinition index: Int) -> String { "t\(index + 1)" }

  func form(of node: GraphNode, in graph: Graph) -> FormulaForm {
    if node.operation == .constant {
      return .text(language.constant(node.value), node.value < 0 || node.value.sign == .minus ? .negation : .atom)
    }
    if node.operation.arity == 0 { return .text(leaf(node), .atom) }
    if case .infix(let spelling) = node.operation.entry.code { return .spelling(spelling) }
    return .spelling(language.call(node.operation))
  }
}

/// The statements of a part of an exported formula, and the expressions of its roots.
struct CodeBody {
  /// `name = expression`, each before its first use.
  let definitions: [FormulaPrinter.Definition]
  private let printer: FormulaPrinter

  /// The code that computes the values of `roots`.
  init(_ graph: Graph, roots: [Int], language: CodeLanguage, leaf: @escaping (GraphNode) -> String) {
    printer = FormulaPrinter(
      graph, roots: roots, notation: CodeNotation(language: language, leaf: leaf),
      longest: 8, isNamingRoots: true)
    definitions = printer.definitions
  }

  func text(_ node: Int) -> String { printer.text(node) }
}
