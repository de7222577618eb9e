import LossKit
import LossKitJSON

/// An exported formula as JSON, for a program that rebuilds the function from its own operations.
///
///     format, version   "losskit formula" and the version of this layout, 1
///     kind              "objective" (loss and rewards), "loss" (over the column reward) or "reward"
///     name, text, hash  an identifier; the resolved objective; its SHA-256, or null for a component alone
///     responses, references   K and R, for which the formula is exported
///     rowwise           whether a prompt's loss depends only on that prompt
///     random            whether nodes take random numbers
///     reward_scale      the factor by which metrics scale the rewards: β, or 1
///     parameters        name, component, key (the name in the component), default, minimum, maximum (null if unbounded),
///                       minimum_excluded, maximum_excluded
///     states            name, initial
///     columns           name, per (prompt, response or token), differentiable, per_reference, sum_of_tokens
///     prompts           the part over prompts, or null:
///       nodes           the nodes, as described below
///       loss            the node of the loss of a prompt, or null
///       rewards         the nodes of the rewards, one per response; only in a "reward" do they have gradients
///       states          the nodes of the states after the call
///       gradients       column, slot, node: the derivative of Σ cotangent · output; 0 for a slot that is not listed
///     tokens            the part over tokens, or null: nodes, reward (a token's part of its response's reward) and gradients.
///                       The sum over a response's tokens is the column with sum_of_tokens. The gradient of that column in
///                       `prompts`, or in a "reward" the caller's cotangent, is the cotangent of each token.
///
/// A node is an array: its operation, followed by indices of earlier nodes or by the values named here.
///
///     ["constant", x]            a number, or "Infinity", "-Infinity", "NaN"
///     ["input", column, slot]    a column per response: k, or r·K + k with references; per prompt or token: r
///     ["parameter", i]  ["state", i]
///     ["cotangent", i]           the factor of output i: 0 for the loss, k for the reward of response k
///     ["batch_count"]  ["row"]   the number of prompts; the prompt's index from 0
///     ["uniform", stream]        a number in (0, 1) for each row: SplitMix64 twice, see `UniformNumbers`
///     ["token_index"]  ["token_count"]  ["token_shortest"]
///     ["token_random_rank", stream]   the token's place, from 0, in the order of its response's uniform numbers
///     ["add", a, b]              likewise subtract, multiply, divide, minimum, maximum
///     ["negate", x]              likewise sign (−1, 0 or 1) and the functions of one number in formulas as text: exp, relu, …
///     ["select", c, a, b]        a where c > 0, else b
///     ["clamp", x, lower, upper]
///     ["annihilate", a, b]       a · b, but 0 where a is 0, even if b is not finite
///     ["batch_mean", x]          the mean over the batch; x itself if x is a number of the whole batch
///     ["batch_sorted", x]        ascending, stable, NaN last
///     ["batch_unsorted", v, x]   v moved back to the rows that batch_sorted(x) took its values from
///
/// A node is a number of the whole batch unless it depends on a value per row. Results can be such numbers, too.
package struct FormulaJSON {
  private let formula: ExportedFormula
  private let rewardScale: Double

  package init(_ formula: ExportedFormula, rewardScale: Double) {
    self.formula = formula
    self.rewardScale = rewardScale
  }

  package var text: String {
    let members: [(String, JSONValue)] = [
      ("format", .string("losskit formula")), ("version", .number(1)), ("kind", .string(formula.kind.rawValue)),
      ("name", .string(formula.name)), ("text", .string(formula.title)),
      ("hash", formula.hash.map(JSONValue.string) ?? .null), ("responses", .number(formula.responses)),
      ("references", .number(formula.references)), ("rowwise", .bool(formula.isRowwise)),
      ("random", .bool(formula.isRandom)), ("reward_scale", Self.number(rewardScale)),
      ("parameters", .array(formula.parameters.map(Self.object))),
      (
        "states",
        .array(formula.states.map { .object([("name", .string($0.name)), ("initial", Self.number($0.initial))]) })
      ), ("columns", .array(formula.columns.indices.map(column))),
    ]
    let lines = members.map { "  \(JSONValue.string($0.0).compact): \($0.1.compact)" }
    return "{\n" + (lines + ["  \"prompts\": \(prompts)", "  \"tokens\": \(tokens)"]).joined(separator: ",\n") + "\n}"
  }

  private static func object(_ parameter: ExportedFormula.Parameter) -> JSONValue {
    let bounds = parameter.bounds
    return .object([
      ("name", .string(parameter.name)), ("component", .string(parameter.component)),
      ("key", .string(parameter.key)), ("default", number(parameter.value)),
      ("minimum", bounds.lower.isFinite ? number(bounds.lower) : .null),
      ("maximum", bounds.upper.isFinite ? number(bounds.upper) : .null),
      ("minimum_excluded", .bool(bounds.isLowerOpen)), ("maximum_excluded", .bool(bounds.isUpperOpen)),
    ])
  }

  private func column(_ index: Int) -> JSONValue {
    let column = formula.columns[index]
    return .object([
      ("name", .string(column.name)), ("per", .string("\(column.extent)")),
      ("differentiable", .bool(column.isDifferentiable)), ("per_reference", .bool(column.isPerReference)),
      ("sum_of_tokens", .bool(index == formula.tokenSum)),
    ])
  }

  private var prompts: String {
    guard let part = formula.main else { return "null" }
    let outputs = part.graph.outputs
    return Self.text(
      part,
      [
        ("loss", formula.kind == .reward ? .null : outputs.first.map(JSONValue.number) ?? .null),
        ("rewards", .array((formula.kind == .reward ? outputs[...] : outputs.dropFirst()).map(JSONValue.number))),
        ("states", .array(part.graph.stateOutputs.map(JSONValue.number))),
      ])
  }

  private var tokens: String {
    guard let part = formula.tokens else { return "null" }
    return Self.text(part, [("reward", part.graph.outputs.first.map(JSONValue.number) ?? .null)])
  }

  /// A part with a line for each of its nodes.
  private static func text(_ part: ExportedFormula.Part, _ members: [(String, JSONValue)]) -> String {
    let nodes = part.graph.nodes.map { "    \(node($0).compact)" }.joined(separator: ",\n")
    let gradients = part.gradients.map { gradient in
      JSONValue.object([
        ("column", .number(gradient.slot.column)), ("slot", .number(gradient.slot.slot)),
        ("node", .number(gradient.node)),
      ])
    }
    let rest = JSONValue.object(members + [("gradients", .array(gradients))]).compact
    return "{\"nodes\": [\n\(nodes)\n  ], \(rest.dropFirst())"
  }

  private static func node(_ node: GraphNode) -> JSONValue {
    let operands: [JSONValue] =
      switch node.operation {
      case .constant: [number(node.value)]
      case .input: [.number(node.a), .number(node.b)]
      case .parameter, .state, .cotangent, .uniform, .tokenRandomRank: [.number(node.a)]
      default: node.operands.map(JSONValue.number)
      }
    return .array([.string(node.operation.entry.text)] + operands)
  }

  private static func number(_ value: Double) -> JSONValue {
    if value.isNaN { return .string("NaN") }
    if value.isInfinite { return .string(value < 0 ? "-Infinity" : "Infinity") }
    return .number(JSONNumber(text: roundTripDecimal(value), double: value))
  }
}
