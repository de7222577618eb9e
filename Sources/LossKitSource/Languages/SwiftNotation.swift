import LossKit

/// The notation of formulas in a plugin's Swift source.
struct SwiftNotation: FormulaNotation {
  private let columns: [Column]
  private let columnProperties: [String: String]
  private let parameters: [String]
  private let states: [String]
  private let subject: String

  /// `parameters` and `states` are the names of Swift properties; `subject` is the argument that columns are read from.
  init(columns: [Column], parameters: [String], states: [String], subject: String) {
    self.columns = columns
    columnProperties = Self.properties(columns.map(\.name))
    self.parameters = parameters
    self.states = states
    self.subject = subject
  }

  func name(ofDefinition index: Int) -> String { "t\(index + 1)" }

  func form(of node: GraphNode, in graph: Graph) -> FormulaForm {
    switch node.operation {
    case .constant: return constant(node.value)
    case .input: return .text(input(node, graph), .atom)
    case .parameter: return .text(parameters[node.a], .atom)
    case .state: return .text(states[node.a], .atom)
    default: return .spelling(node.operation.entry.swift, subject: subject)
    }
  }

  private func constant(_ value: Double) -> FormulaForm {
    if value.isFinite { return .text(roundTripDecimal(value), value.sign == .minus ? .negation : .atom) }
    return .text(value.isNaN ? "Formula(Double.nan)" : "Formula(\(value < 0 ? "-" : "")Double.infinity)", .atom)
  }

  private func input(_ node: GraphNode, _ graph: Graph) -> String {
    let column = columns[node.a]
    if column.extent == .token {
      switch column.name {
      case Column.tokenLogProbability.name: return "\(subject).logProbability"
      case Column.referenceTokenLogProbability.name: return "\(subject).reference(\(node.b))"
      default: return "\(subject)[Self.\(property(of: column))]"
      }
    }
    let (reference, rank) = node.b.quotientAndRemainder(dividingBy: max(graph.responses, 1))
    let response: String
    switch subject {
    case "pair": response = "pair.\(rank == 0 ? "chosen" : "rejected")"
    case "ranking": response = "ranking[\(rank)]"
    default: response = subject
    }
    if let property = Self.standard[column.name] { return "\(response).\(property)" }
    if column.name == Column.referenceLogProbability.name { return "\(response).reference(\(reference))" }
    return "\(response)[Self.\(property(of: column))]"
  }

  private func property(of column: Column) -> String { columnProperties[column.name] ?? column.name }

  private static let standard = [
    Column.reward.name: "reward", Column.logProbability.name: "logProbability", Column.tokenCount.name: "tokenCount",
    Column.score.name: "score", Column.label.name: "label",
  ]

  /// Whether a column has a name in the SDK.
  static func isStandard(_ column: Column) -> Bool {
    standard[column.name] != nil
      || [Column.referenceLogProbability, .tokenLogProbability, .referenceTokenLogProbability].contains {
        $0.name == column.name
      }
  }

  /// Unique Swift property names for names in snake case, by name.
  static func properties(_ names: [String]) -> [String: String] {
    var used: Set<String> = []
    return names.reduce(into: [:]) { properties, name in
      var property = property(name)
      while !used.insert(property).inserted { property += "_" }
      properties[name] = property
    }
  }

  /// The Swift property name for a name in snake case, avoiding keywords and functions of the SDK.
  private static func property(_ name: String) -> String {
    let words = name.split(separator: "_")
    let camel = words.dropFirst().reduce(String(words.first ?? "value")) { text, word in
      text + (word.first?.uppercased() ?? "") + word.dropFirst()
    }
    return reserved.contains(camel) || camel.isDefinition ? camel + "Value" : camel
  }

  private static let reserved: Set<String> = {
    let keywords = [
      "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer", "deinit", "do", "else",
      "enum", "extension", "fallthrough", "false", "fileprivate", "for", "func", "guard", "if", "import", "in", "init",
      "inout", "internal", "is", "let", "nil", "operator", "precedencegroup", "private", "protocol", "public", "repeat",
      "rethrows", "return", "self", "static", "struct", "subscript", "super", "switch", "throw", "throws", "true",
      "try",
      "typealias", "var", "where", "while",
    ]
    let members = [
      "form", "hyperparameters", "loss", "name", "pair", "ranking", "response", "reward", "state", "summary", "token",
      "value", "version", "citation", "documentation",
    ]
    return Set(keywords + members + Operation.allCases.map { "\($0)" })
  }()
}

extension String {
  /// Whether it could be the name of a generated definition: t1, t2 and so on, after1 and so on.
  fileprivate var isDefinition: Bool {
    for prefix in ["t", "after"] where hasPrefix(prefix) && count > prefix.count {
      if dropFirst(prefix.count).allSatisfy(\.isNumber) { return true }
    }
    return false
  }
}
