package import LossKit

/// The text of a formula and its gradient in one notation.
package struct FormulaDescription: Sendable {
  /// Named values that the others refer to.
  package let definitions: [FormulaPrinter.Definition]
  /// The value of the first output.
  package let value: String
  /// The derivative by each input of a differentiable column that it depends on.
  package let gradient: [FormulaPrinter.Definition]

  /// Describes the first output of a graph.
  package init(_ graph: Graph, columns: [Column], notation: some FormulaNotation) {
    var builder = GraphBuilder()
    let root = graph.outputs[0]
    let places = builder.append(graph, reaching: [root])
    let value = places[root]
    let gradients = builder.differentiate(outputs: [value], cotangents: [builder.constant(1)])
    let inputs = builder.nodes.indices.filter { index in
      index < gradients.count && gradients[index] != nil && builder.nodes[index].operation == .input
        && columns[builder.nodes[index].a].isDifferentiable
    }
    var whole = graph
    whole.nodes = builder.nodes
    let roots = [value] + inputs.compactMap { gradients[$0] }
    let printer = FormulaPrinter(whole, roots: roots, notation: notation)
    definitions = printer.definitions
    self.value = printer.text(value)
    gradient = inputs.compactMap { input in
      gradients[input].map {
        FormulaPrinter.Definition(
          name: notation.text(ofLeaf: builder.nodes[input], in: graph), text: printer.text($0))
      }
    }
  }

  /// The formula as equations, one per line.
  package func lines(value symbol: String, derivative: (String) -> String) -> [String] {
    definitions.map { "\($0.name) = \($0.text)" } + ["\(symbol) = \(value)"]
      + gradient.map { "\(derivative($0.name)) = \($0.text)" }
  }
}
