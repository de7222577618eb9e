package import LossKit

/// Writes formulas and their gradients, with values that occur more than once under names of their own.
package struct FormulaPrinter {
  /// A named value: `z = …`.
  package struct Definition: Sendable, Equatable {
    /// What is defined.
    package let name: String
    /// What it is.
    package let text: String
  }

  private let graph: Graph
  private let notation: any FormulaNotation
  private var names: [Int: String] = [:]
  private var named: [Int] = []

  /// A printer of the values of `roots`, nodes of `graph`.
  ///
  /// What takes more than `longest` operations is put under names, too; so are roots that are used more than once, if they are
  /// to be.
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
    // The operations that are written out where a node is used.
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

  /// The named values that the roots are written with, each before it is used.
  package var definitions: [Definition] {
    named.map { Definition(name: names[$0] ?? "", text: write($0, isDefinition: true).text) }
  }

  /// The text of a node.
  package func text(_ node: Int) -> String { write(node).text }

  /// Leaves, their negatives, and numbers of the whole batch that are a single operation on leaves are shorter than a name.
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

  /// Node after node, operands first, so that depth costs no stack.
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

/// A piece of a formula and how tightly its outermost operation binds.
package struct FormulaPiece {
  package let text: String
  package let binding: Spelling.Binding

  package init(_ text: String, _ binding: Spelling.Binding) {
    self.text = text
    self.binding = binding
  }

  /// A node as `spelling` writes it, of operands that are written already.
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

/// A way to write formulas.
package protocol FormulaNotation {
  /// A node, of operands that are written already.
  func write(_ node: GraphNode, graph: Graph, operands: [FormulaPiece]) -> FormulaPiece
  /// The name of the n-th value that gets one.
  func name(ofDefinition index: Int) -> String
}

/// The names of what a formula is written in.
package struct FormulaSymbols: Sendable {
  /// The columns, by index.
  package var columns: [Column]
  /// The hyperparameters' names.
  package var parameters: [String]
  /// The hyperparameters' LaTeX symbols; the names where there is none.
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
