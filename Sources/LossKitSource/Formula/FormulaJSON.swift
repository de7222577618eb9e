import LossKit

/// An exported formula as JSON, for a program that rebuilds the function out of its own operations.
///
///     format, version   "losskit formula" and the version of this layout, 1
///     kind              "objective": loss and rewards in one; "loss": over the column reward; "reward"
///     name, text, hash  an identifier; the resolved objective; its SHA-256, or null for a component alone
///     responses, references   K and R: what it was made for
///     rowwise           whether a prompt's loss depends on that prompt alone
///     random            whether nodes take random numbers
///     reward_scale      the factor by which metrics scale the rewards: β, or 1
///     parameters        name, component, key (the name in the component), default, minimum, maximum (null: none),
///                       minimum_excluded, maximum_excluded
///     states            name, initial
///     columns           name, per (prompt, response or token), differentiable, per_reference, sum_of_tokens
///     prompts           null, or the nodes over prompts:
///       nodes           see below
///       loss            the node of the loss of a prompt, or null
///       rewards         the nodes of the rewards, one a response; they are results, no gradient goes through them but in a "reward"
///       states          the nodes of the states after the call
///       gradients       column, slot, node: the derivative of Σ cotangent · output; a slot that is not listed has 0
///     tokens            null, or nodes over tokens: nodes, reward (what a token adds to its response's reward) and gradients.
///                       Summed by response they are the column with sum_of_tokens; its gradient in `prompts` (in a "reward" the
///                       caller's own cotangent) is the cotangent of each of the response's tokens.
///
/// A node is an array: its operation, and indices of earlier nodes or what the operation says.
///
///     ["constant", x]            a number, or "Infinity", "-Infinity", "NaN"
///     ["input", column, slot]    slot k is response k of a column per response; with references r·K + k; of a column per prompt or token r
///     ["parameter", i]  ["state", i]
///     ["cotangent", i]           the factor of output i: 0 for the loss, k for the reward of response k
///     ["batch_count"]  ["row"]   the number of prompts; the prompt's index from 0
///     ["uniform", stream]        a number in (0, 1) for each row: SplitMix64 twice, see `UniformNumbers`
///     ["token_index"]  ["token_count"]  ["token_shortest"]
///     ["token_random_rank", stream]   the token's place, from 0, in the order of its response's uniform numbers
///     ["add", a, b]              likewise subtract, multiply, divide, minimum, maximum
///     ["negate", x]              likewise sign (−1, 0 or 1) and the functions of one number that a formula's text has: exp, relu, …
///     ["select", c, a, b]        a where c > 0, else b
///     ["clamp", x, lower, upper]
///     ["annihilate", a, b]       a · b, but 0 where a is 0, whatever b is
///     ["batch_mean", x]          a number of the whole batch; of such a number it is that number
///     ["batch_sorted", x]        ascending, stable, NaN last
///     ["batch_unsorted", v, x]   v taken back to the rows that batch_sorted(x) took them from
///
/// A node is a number of the whole batch unless it is, or is made of, something per row; results may be such numbers, too.
package struct FormulaJSON {
  private let formula: ExportedFormula
  private let rewardScale: Double

  package init(_ formula: ExportedFormula, rewardScale: Double) {
    self.formula = formula
    self.rewardScale = rewardScale
  }

  package var text: String {
    let members = [
      ("format", Self.string("losskit formula")), ("version", "1"), ("kind", Self.string(formula.kind.rawValue)),
      ("name", Self.string(formula.name)), ("text", Self.string(formula.title)),
      ("hash", formula.hash.map(Self.string) ?? "null"), ("responses", "\(formula.responses)"),
      ("references", "\(formula.references)"), ("rowwise", "\(formula.isRowwise)"), ("random", "\(formula.isRandom)"),
      ("reward_scale", Self.number(rewardScale)), ("parameters", Self.array(formula.parameters.map(Self.object))),
      (
        "states",
        Self.array(
          formula.states.map { Self.object([("name", Self.string($0.name)), ("initial", Self.number($0.initial))]) })
      ), ("columns", Self.array(formula.columns.indices.map(column))), ("prompts", prompts), ("tokens", tokens),
    ]
    return "{\n" + members.map { "  \(Self.string($0.0)): \($0.1)" }.joined(separator: ",\n") + "\n}"
  }

  private static func object(_ parameter: ExportedFormula.Parameter) -> String {
    let bounds = parameter.bounds
    return object([
      ("name", string(parameter.name)), ("component", string(parameter.component)),
      ("key", string(parameter.key)), ("default", number(parameter.value)),
      ("minimum", bounds.lower.isFinite ? number(bounds.lower) : "null"),
      ("maximum", bounds.upper.isFinite ? number(bounds.upper) : "null"),
      ("minimum_excluded", "\(bounds.isLowerOpen)"), ("maximum_excluded", "\(bounds.isUpperOpen)"),
    ])
  }

  private func column(_ index: Int) -> String {
    let column = formula.columns[index]
    return Self.object([
      ("name", Self.string(column.name)), ("per", Self.string("\(column.extent)")),
      ("differentiable", "\(column.isDifferentiable)"), ("per_reference", "\(column.isPerReference)"),
      ("sum_of_tokens", "\(index == formula.tokenSum)"),
    ])
  }

  private var prompts: String {
    guard let part = formula.main else { return "null" }
    let outputs = part.graph.outputs
    return Self.object([
      ("nodes", Self.nodes(part.graph)),
      ("loss", formula.kind == .reward ? "null" : outputs.first.map { "\($0)" } ?? "null"),
      ("rewards", Self.array((formula.kind == .reward ? outputs[...] : outputs.dropFirst()).map { "\($0)" })),
      ("states", Self.array(part.graph.stateOutputs.map { "\($0)" })), ("gradients", Self.gradients(part)),
    ])
  }

  private var tokens: String {
    guard let part = formula.tokens else { return "null" }
    return Self.object([
      ("nodes", Self.nodes(part.graph)), ("reward", part.graph.outputs.first.map { "\($0)" } ?? "null"),
      ("gradients", Self.gradients(part)),
    ])
  }

  private static func gradients(_ part: ExportedFormula.Part) -> String {
    array(
      part.gradients.map {
        object([("column", "\($0.slot.column)"), ("slot", "\($0.slot.slot)"), ("node", "\($0.node)")])
      })
  }

  private static func nodes(_ graph: Graph) -> String {
    "[\n" + graph.nodes.map { "    \(node($0))" }.joined(separator: ",\n") + "\n  ]"
  }

  private static func node(_ node: GraphNode) -> String {
    let name = string(node.operation.entry.text)
    let operands: [String] =
      switch node.operation {
      case .constant: [number(node.value)]
      case .input: ["\(node.a)", "\(node.b)"]
      case .parameter, .state, .cotangent, .uniform, .tokenRandomRank: ["\(node.a)"]
      default: node.operands.map { "\($0)" }
      }
    return array([name] + operands)
  }

  // MARK: JSON

  private static func array(_ elements: [String]) -> String { "[\(elements.joined(separator: ", "))]" }

  private static func object(_ members: [(String, String)]) -> String {
    "{\(members.map { "\(string($0.0)): \($0.1)" }.joined(separator: ", "))}"
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return string("NaN") }
    if value.isInfinite { return string(value < 0 ? "-Infinity" : "Infinity") }
    return roundTripDecimal(value)
  }

  private static func string(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar -> String in
      switch scalar {
      case "\"": return "\\\""
      case "\\": return "\\\\"
      case let control where control.value < 0x20:
        let digits = String(control.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: return String(scalar)
      }
    }
    return "\"\(escaped.joined())\""
  }
}
