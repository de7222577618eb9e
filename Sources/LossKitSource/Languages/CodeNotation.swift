import LossKit

/// Formulas as expressions of a programming language.
struct CodeNotation: FormulaNotation {
  let language: CodeLanguage
  /// The expression of a leaf: a column's slot, a hyperparameter, a state.
  let leaf: (GraphNode) -> String

  func name(ofDefinition index: Int) -> String { "t\(index + 1)" }

  func write(_ node: GraphNode, graph: Graph, operands: [FormulaPiece]) -> FormulaPiece {
    switch node.operation {
    case .constant:
      return FormulaPiece(
        language.constant(node.value), node.value < 0 || node.value.sign == .minus ? .negation : .atom)
    case .add: return FormulaPiece("\(operands[0].text) + \(operands[1].in(.product))", .sum)
    case .subtract: return FormulaPiece("\(operands[0].text) - \(operands[1].in(.product))", .sum)
    case .multiply: return FormulaPiece("\(operands[0].in(.product)) * \(operands[1].in(.negation))", .product)
    case .divide: return FormulaPiece("\(operands[0].in(.product)) / \(operands[1].in(.atom))", .product)
    case .negate: return FormulaPiece("-\(operands[0].in(.atom))", .negation)
    default:
      if node.operation.arity == 0 { return FormulaPiece(leaf(node), .atom) }
      return FormulaPiece(language.write(node.operation, operands.map(\.text)), .atom)
    }
  }
}

/// The statements of a part of an exported formula, and the expressions of what they lead to.
struct CodeBody {
  /// `name = expression`, each before it is used.
  let definitions: [FormulaPrinter.Definition]
  private let printer: FormulaPrinter

  /// The code that gives the values of `roots`.
  init(_ graph: Graph, roots: [Int], language: CodeLanguage, leaf: @escaping (GraphNode) -> String) {
    printer = FormulaPrinter(
      graph, roots: roots, notation: CodeNotation(language: language, leaf: leaf),
      longest: 8, isNamingRoots: true)
    definitions = printer.definitions
  }

  func text(_ node: Int) -> String { printer.text(node) }
}
