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

  /// The size from which a value that is used more than once has a name in any case.
  private static let repeatable = 64
  /// The largest number that sizes are counted to.
  private static let countLimit = 1 << 30

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
      sizes[index] = node.operands.reduce(1) { min($0 + sizes[$1], longest, Self.countLimit) }
      let isShared = uses[index] > 1
      // Writing a large value wherever it is used would make texts grow exponentially.
      let isNeeded = isShared && sizes[index] >= Self.repeatable
      let isWanted = (isShared && isWorthAName(index)) || sizes[index] == longest
      guard isNeeded || (isWanted && !results.contains(index)) else { continue }
      names[index] = notation.name(ofDefinition: named.count)
      named.append(index)
      sizes[index] = 0
    }
  }

  /// The named values that the roots refer to, each before its first use.
  package var definitions: [Definition] {
    named.map { Definition(name: names[$0] ?? "", text: write($0, isDefinition: true)) }
  }

  /// The text of a node.
  package func text(_ node: Int) -> String { write(node) }

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

  /// Writes a node from left to right: a text takes time and memory in proportion to its length, and deep graphs need no
  /// stack.
  private func write(_ root: Int, isDefinition: Bool = false) -> String {
    var text = ""
    // The parts to come, the next one last.
    var waiting = parts(of: root, named: !isDefinition).reversed().map { (part: $0, owner: root) }
    while let (part, owner) = waiting.popLast() {
      switch part {
      case .text(let piece): text += piece
      case .operand(let place, let surroundings):
        let operand = graph.nodes[owner].operands[place]
        var parts = parts(of: operand, named: true)
        if !binds(operand, in: surroundings) {
          parts = [.text(notation.parentheses.opening)] + parts + [.text(notation.parentheses.closing)]
        }
        for part in parts.reversed() { waiting.append((part, operand)) }
      }
    }
    return text
  }

  private func parts(of index: Int, named: Bool) -> [Spelling.Part] {
    if named, let name = names[index] { return [.text(name)] }
    let node = graph.nodes[index]
    return notation.form(of: node, in: graph).parts(of: node)
  }

  private func binds(_ index: Int, in surroundings: Spelling.Binding) -> Bool {
    let node = graph.nodes[index]
    let name = names[index]
    let binding = name == nil ? notation.form(of: node, in: graph).binding : .atom
    if binding >= surroundings { return true }
    // A name of letters alone is a word.
    guard surroundings == .word, binding == .atom, name != nil || node.operation.arity == 0 else { return false }
    return (name ?? notation.text(ofLeaf: node, in: graph)).allSatisfy(\.isLetter)
  }
}

/// How a notation writes a node.
package enum FormulaForm {
  /// A leaf that is written out, and how tightly it binds.
  case text(String, Spelling.Binding)
  /// The operation's spelling; `subject` is the object whose columns a plugin's function reads.
  case spelling(Spelling, subject: String = "")

  var binding: Spelling.Binding {
    switch self {
    case .text(_, let binding): binding
    case .spelling(let spelling, _): spelling.binding
    }
  }

  /// The parts of a node's text.
  func parts(of node: GraphNode) -> [Spelling.Part] {
    switch self {
    case .text(let text, _): [.text(text)]
    case .spelling(let spelling, let subject): spelling.parts(of: node, subject: subject)
    }
  }
}

/// A notation for formulas.
package protocol FormulaNotation {
  /// How a node is written.
  func form(of node: GraphNode, in graph: Graph) -> FormulaForm
  /// The name of the n-th named value.
  func name(ofDefinition index: Int) -> String
  /// What an operand that binds looser than its place allows is put between.
  var parentheses: (opening: String, closing: String) { get }
}

extension FormulaNotation {
  /// The default, plain parentheses.
  package var parentheses: (opening: String, closing: String) { ("(", ")") }

  /// The text of a node without operands.
  func text(ofLeaf node: GraphNode, in graph: Graph) -> String {
    form(of: node, in: graph).parts(of: node).reduce(into: "") { text, part in
      if case .text(let piece) = part { text += piece }
    }
  }
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
