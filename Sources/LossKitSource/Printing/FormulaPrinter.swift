package import LossKit

/// Writes formulas and their gradients; values that occur more than once get names.
package struct FormulaPrinter {
  /// A named value: `z = …`.
  package struct Definition: Sendable, Equatable {
    /// The name.
    package let name: String
    /// The value's text.
    package let text: String
  }

  private let graph: Graph
  private let notation: any FormulaNotation
  private var names: [Int: String] = [:]
  private var named: [Int] = []

  /// Creates a printer of the values of `roots`, nodes of `graph`.
  ///
  /// Expressions of more than `longest` operations get names, too; so do roots that are used more than once, if
  /// requested.
  package init(
    _ graph: Graph, roots: [Int], notation: any FormulaNotation, longest: Int = .max, isNamingRoots: Bool = false
  ) {
    self.graph = graph
    self.notation = notation
    let reached = graph.reached(from: roots)
    var uses = [Int](repeating: 0, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() where reached[index] {
      for operand in node.operands { uses[operand] += 1 }
    }
    for root in roots { uses[root] += 1 }
    let results = isNamingRoots ? [] : Set(roots)
    // The number of operations that are written out where a node is used.
    var sizes = [Int](repeating: 0, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() where reached[index] && node.operation.arity > 0 {
      sizes[index] = node.operands.reduce(1) { min($0 + sizes[$1], longest) }
      let isShared = uses[index] > 1 && isWorthAName(index)
      guard !results.contains(index), isShared || sizes[index] == longest else { continue }
      names[index] = notation.name(ofDefinition: named.count)
      named.append(index)
      sizes[index] = 0
    }
  }

  /// The named values that the roots refer to, each before its first use.
  package var definitions: [Definition] {
    named.map { Definition(name: names[$0] ?? "", text: write($0, isDefinition: true).text) }
  }

  /// The text of a node.
  package func text(_ node: Int) -> String { write(node).text }

  /// Leaves, their negatives, and batch statistics of a single operation on leaves are shorter than a name.
  private func isWorthAName(_ index: Int) -> Bool {
    let node = graph.nodes[index]
    if node.operation.arity == 0 || node.operation == .negate { return false }
    let isSimple = node.operands.allSatisfy { graph.nodes[$0].operation.arity == 0 }
    if !isSimple { return true }
    switch node.operation {
    case .multiply, .divide, .square: return false
    default: return true
    }
  }

  /// Writes nodes one after another, operands first, so that deep graphs need no stack.
  private func write(_ root: Int, isDefinition: Bool = false) -> FormulaPiece {
    var texts: [Int: FormulaPiece] = [:]
    var stack = [root]
    while let index = stack.last {
      if texts[index] != nil {
        stack.removeLast()
        continue
      }
      if let name = names[index], !(isDefinition && index == root) {
        texts[index] = FormulaPiece(name, .atom)
        continue
      }
      let node = graph.nodes[index]
      let waiting = node.operands.filter { texts[$0] == nil }
      if waiting.isEmpty {
        texts[index] = notation.write(node, graph: graph, operands: node.operands.compactMap { texts[$0] })
      } else {
        stack.append(contentsOf: waiting)
      }
    }
    return texts[root] ?? FormulaPiece("", .atom)
  }
}

/// A piece of a formula, with the precedence of its outermost operation.
package struct FormulaPiece {
  package let text: String
  package let binding: Spelling.Binding

  package init(_ text: String, _ binding: Spelling.Binding) {
    self.text = text
    self.binding = binding
  }

  /// Writes a node in the form of `spelling`, with operands that are already written.
  package init(
    _ spelling: Spelling, of node: GraphNode, _ operands: [FormulaPiece], subject: String = "",
    parenthesized: (String) -> String = { "(\($0))" }
  ) {
    let text = spelling.filled { place, surroundings in
      switch place {
      case "a", "b", "c":
        let index = place == "a" ? 0 : place == "b" ? 1 : 2
        guard operands.indices.contains(index) else { return nil }
        let operand = operands[index]
        return operand.binds(in: surroundings) ? operand.text : parenthesized(operand.text)
      case "n": return "\(node.a)"
      case "subject": return subject
      default: return nil
      }
    }
    self.init(text, spelling.binding)
  }

  private func binds(in surroundings: Spelling.Binding) -> Bool {
    binding >= surroundings || (surroundings == .word && binding == .atom && text.allSatisfy(\.isLetter))
  }
}

/// A notation for formulas.
package protocol FormulaNotation {
  /// Writes a node, with operands that are already written.
  func write(_ node: GraphNode, graph: Graph, operands: [FormulaPiece]) -> FormulaPiece
  /// The name of the n-th named value.
  func name(ofDefinition index: Int) -> String
}

/// The names of a formula's leaves.
package struct FormulaSymbols: Sendable {
  /// The columns, by index.
  package var columns: [Column]
  /// The hyperparameters' names.
  package var parameters: [String]
  /// The hyperparameters' LaTeX symbols; the names of those that have none.
  package var parameterSymbols: [String]
  /// The states' names.
  package var states: [String]

  package init(columns: [Column], parameters: [String], parameterSymbols: [String], states: [String]) {
    self.columns = columns
    self.parameters = parameters
    self.parameterSymbols = parameterSymbols
    self.states = states
  }
}
