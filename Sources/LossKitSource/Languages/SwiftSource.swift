package import LossKit

/// A graph as the Swift source of a plugin.
package struct SwiftSource {
  /// A hyperparameter or a state, with what its declaration needs.
  package struct Value {
    let name: String
    let initial: Double
    let bounds: Bounds
    let summary: String
    let isRewardScale: Bool

    package init(
      name: String, initial: Double, bounds: Bounds = .any, summary: String = "", isRewardScale: Bool = false
    ) {
      self.name = name
      self.initial = initial
      self.bounds = bounds
      self.summary = summary
      self.isRewardScale = isRewardScale
    }
  }

  private let graph: Graph
  private let columns: [Column]
  private let kind: ComponentKind
  private let parameters: [Value]
  private let states: [Value]
  private let usedParameters: [Int]
  private let defaultReward: String?
  /// The Swift properties of hyperparameters and states, and of columns, by name.
  private let properties, columnProperties: [String: String]

  /// Writes the source of `graph`'s first output; for a reward per response, that is the first response's.
  ///
  /// Throws for a graph of gradients, and for a reward that depends on other responses, which the source of one
  /// response cannot express.
  package init(
    _ graph: Graph, kind: ComponentKind, columns: [Column], parameters: [Value], states: [Value], defaultReward: String?
  ) throws {
    var graph = graph
    if kind == .reward { graph.outputs = Array(graph.outputs.prefix(1)) }
    let roots = graph.outputs + graph.stateOutputs
    let reached = graph.reached(from: roots)
    for (index, node) in graph.nodes.enumerated() where reached[index] {
      if node.operation.isInternal {
        throw Failure("Swift source: a gradient is not a formula that a plugin writes; pass the formula itself")
      }
      guard node.operation == .input, graph.rows == .prompt else { continue }
      let column = columns[node.a]
      let (reference, rank) = node.b.quotientAndRemainder(dividingBy: max(graph.responses, 1))
      if kind == .reward, column.extent == .response, rank != 0 {
        throw Failure("Swift source: the reward of a response depends on other responses; it has to be written by hand")
      }
      if reference > 0, column.name != Column.referenceLogProbability.name {
        throw Failure("Swift source: column '\(column.name)' of a second reference cannot be written")
      }
    }
    self.graph = graph
    self.columns = columns
    self.kind = kind
    self.parameters = parameters
    self.states = states
    self.defaultReward = defaultReward
    properties = SwiftNotation.properties((parameters + states).map(\.name))
    columnProperties = SwiftNotation.properties(columns.map(\.name))
    usedParameters = parameters.indices.filter { index in
      zip(graph.nodes, reached).contains { $0.1 && $0.0.operation == .parameter && $0.0.a == index }
    }
  }

  /// A whole file: the component under a name, as a type, and the function that exports it.
  package func file(name: String, typeName: String, summary: String) -> String {
    let lines = [
      "import LossKit", "", "/// \(summary)", "struct \(typeName): \(protocolName) {",
      "  static let name = \(Self.literal(name))", "  static let summary = \(Self.literal(summary))",
    ]
    let entry = [
      "}", "", "/// The entry point that a host calls.", "@c(losskit_plugin_entry_v1)",
      "public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {",
      "  Plugin.export(\(typeName).self, error: error)", "}", "",
    ]
    return (lines + declarations + [""] + function + entry).joined(separator: "\n")
  }

  private var protocolName: String {
    switch (kind, graph.rows, graph.responses) {
    case (.reward, .token, _): "TokenwiseReward"
    case (.reward, _, _): "RewardParameterization"
    case (.loss, _, 1): "UnpairedLoss"
    case (.loss, _, 2): "PairwiseLoss"
    case (.loss, _, _): "ListwiseLoss"
    }
  }

  /// The function's argument and its type.
  private var subject: (name: String, type: String) {
    switch (kind, graph.rows, graph.responses) {
    case (.reward, .token, _): ("token", "Token")
    case (.reward, _, _), (.loss, _, 1): ("response", "Response")
    case (.loss, _, 2): ("pair", "Pair")
    case (.loss, _, _): ("ranking", "Ranking")
    }
  }

  // MARK: Declarations

  private var declarations: [String] {
    var lines: [String] = []
    if !usedParameters.isEmpty {
      lines.append("  static let hyperparameters = [")
      lines += usedParameters.map { "    \(declaration(of: parameters[$0]))," }
      lines.append("  ]")
    }
    if !states.isEmpty {
      let list = states.map { "State(\(Self.literal($0.name)), \\Self.\(property(of: $0)))" }
      lines.append("  static let state = [\(list.joined(separator: ", "))]")
    }
    if kind == .loss, defaultReward != "log-ratio" {
      lines.append("  static let defaultReward: String? = \(defaultReward.map(Self.literal) ?? "nil")")
    }
    if protocolName == "ListwiseLoss" {
      lines.append("  static let responseCounts = \(graph.responses)...\(graph.responses)")
    }
    for column in columns.indices where isRead(column) && !SwiftNotation.isStandard(columns[column]) {
      lines.append("  private static let \(declaration(of: columns[column]))")
    }
    for value in usedParameters.map({ parameters[$0] }) + states {
      lines.append("  var \(property(of: value)): Formula = \(roundTripDecimal(value.initial))")
    }
    return lines
  }

  private func isRead(_ column: Int) -> Bool {
    graph.inputs(of: graph.outputs + graph.stateOutputs).contains { $0.column == column }
  }

  private func declaration(of parameter: Value) -> String {
    let text =
      "Hyperparameter(\(Self.literal(parameter.name)), \\Self.\(property(of: parameter)), in: \(Self.source(of: parameter.bounds)), "
    // A plugin describes each hyperparameter; those of a formula given as text have no description.
    let summary = parameter.summary.isEmpty ? "\(parameter.name) of the formula" : parameter.summary
    return text + Self.literal(summary) + ")" + (parameter.isRewardScale ? ".scalingRewards()" : "")
  }

  private func declaration(of column: Column) -> String {
    let flags = [
      column.extent == .response ? nil : "per: .\(column.extent)",
      column.isDifferentiable ? "differentiable: true" : nil,
      column.isOptional ? "optional: true" : nil, column.isPerReference ? "perReference: true" : nil,
    ]
    let arguments = [Self.literal(column.name)] + flags.compactMap { $0 }
    return "\(columnProperties[column.name] ?? column.name) = Column(\(arguments.joined(separator: ", ")))"
  }

  private func property(of value: Value) -> String { properties[value.name] ?? value.name }

  private static func source(of bounds: Bounds) -> String {
    let ends = "(\(roundTripDecimal(bounds.lower)), \(roundTripDecimal(bounds.upper)))"
    switch (bounds.lower.isFinite, bounds.upper.isFinite) {
    case (false, _): return ".any"
    case (true, false): return bounds.lower == 0 ? (bounds.isLowerOpen ? ".positive" : ".nonNegative") : ".any"
    case (true, true):
      if bounds.isLowerOpen && bounds.isUpperOpen { return ".open\(ends)" }
      return !bounds.isLowerOpen && bounds.isUpperOpen ? ".halfOpen\(ends)" : ".closed\(ends)"
    }
  }

  // MARK: The function

  private var function: [String] {
    let stateProperties = states.map { property(of: $0) }
    let notation = SwiftNotation(
      columns: columns, parameters: parameters.map { property(of: $0) }, states: stateProperties,
      subject: subject.name)
    let roots = graph.outputs + graph.stateOutputs
    let printer = FormulaPrinter(graph, roots: roots, notation: notation, longest: 12)
    let definitions = printer.definitions.map { "    let \($0.name): Formula = \($0.text)" }
    let head = "  \(states.isEmpty ? "" : "mutating ")func \(kind)(_ \(subject.name): \(subject.type)) -> Formula {"
    let value = graph.outputs.first.map(printer.text) ?? "0"
    if states.isEmpty { return [head] + definitions + ["    return \(value)", "  }"] }
    // All values are computed from the states before the call; then the states are updated.
    let after = graph.stateOutputs.enumerated().map { "    let after\($0 + 1): Formula = \(printer.text($1))" }
    let assignments = stateProperties.enumerated().map { "    \($1) = after\($0 + 1)" }
    return [head] + definitions + ["    let value: Formula = \(value)"] + after + assignments
      + ["    return value", "  }"]
  }

  /// A text as a Swift literal.
  private static func literal(_ text: String) -> String {
    let escaped = text.map { character -> String in
      switch character {
      case "\\": "\\\\"
      case "\"": "\\\""
      case "\n": "\\n"
      default: String(character)
      }
    }
    return "\"\(escaped.joined())\""
  }
}
