import LossKit

/// An exported formula as one C11 function over rows that only needs libm; batch statistics are computed between its
/// loops.
package struct CSource {
  private let formula: ExportedFormula
  private let parameters: [String]

  package init(_ formula: ExportedFormula) {
    self.formula = formula
    parameters = formula.parameters.map { CodeLanguage.c.identifier($0.name) }
  }

  package var text: String {
    let body = function.joined(separator: "\n")
    let helpers = CodeHelpers.used(in: body, .c)
    let hash = formula.hash.map { "\n   SHA-256 of the objective: \($0)" } ?? ""
    let title = formula.title.replacing("*/", with: "* /").replacing("/*", with: "/ *")
    let head = "/* \(title), written by LossKit.\(hash) */\n"
    let includes = ["math.h", "stddef.h", "stdint.h", "stdlib.h"].map { "#include <\($0)>" }
    return ([head] + includes + helpers.map { "\n" + $0 } + ["", comment, body]).joined(separator: "\n") + "\n"
  }

  // MARK: The function

  private var functionName: String { CodeLanguage.c.identifier(formula.name) }
  private var inputs: [Int] { formula.columns.indices.filter { $0 != formula.tokenSum } }
  private func name(_ column: Int) -> String { CodeLanguage.c.identifier(formula.columns[column].name) }
  private var hasTokens: Bool { formula.tokens != nil }
  private var hasReward: Bool {
    formula.kind == .reward || hasTokens || (formula.main?.graph.outputs.count ?? 0) > 1
  }
  private var differentiated: [Int] {
    let slots = (formula.main?.gradients ?? []) + (formula.tokens?.gradients ?? [])
    return inputs.filter { index in slots.contains { $0.slot.column == index } }
  }

  private var arguments: [String] {
    let columns = inputs.map { "const double *\(name($0))" }
    let results =
      (formula.kind == .reward ? [] : ["loss"]) + (hasReward ? ["reward"] : [])
      + differentiated.map { "d_\(formula.columns[$0].name)" }
    return ["size_t n"] + columns + (hasTokens ? ["const size_t *token_offsets"] : [])
      + parameters.map { "double \($0)" }
      + (formula.states.isEmpty ? [] : ["double *state"]) + (formula.isRandom ? ["uint64_t seed"] : [])
      + ["const double *cotangent"] + results.map { "double *\($0)" }
  }

  private var comment: String {
    var lines = [
      "For n prompts of \(formula.responses) responses, best first: response k of prompt g is at [k * n + g]."
    ]
    if formula.references > 1 { lines.append("Reference r has [(r * \(formula.responses) + k) * n + g].") }
    if hasTokens {
      lines.append("token_offsets: where each response's tokens start, \(formula.responses) * n + 1 numbers.")
    }
    for (name, parameter) in zip(parameters, formula.parameters) {
      lines.append(
        "\(name): \(parameter.range); \(CodeLanguage.c.number(parameter.value)) in the objective.")
    }
    if !formula.states.isEmpty {
      let values = formula.states.map { "\($0.name) = \(CodeLanguage.c.number($0.initial))" }
      lines.append("state: \(values.joined(separator: ", ")) before the first call; it is moved on.")
    }
    lines.append(
      "Gradients are those of the sum of cotangent * output; a cotangent of NULL is 1. Log-probabilities are in nats.")
    lines.append("Numbers are double: a program with floats converts them, and rounds the results.")
    lines.append("Returns 0, or -1 where there is no memory.")
    return "/* " + lines.joined(separator: "\n   ") + " */"
  }

  private var function: [String] {
    var lines = ["int \(functionName)(\(arguments.joined(separator: ", "))) {"]
    var program = CProgram(formula, leaf: leaf, name: name)
    let statements = tokenSums + program.statements(target: target, states: formula.states.count) + tokenGradients
    let count = program.arrayCount
    let isDifferentiated = formula.main?.gradients.contains { $0.slot.column == formula.tokenSum } ?? false
    let sum = isDifferentiated ? formula.responses : 0
    if inputs.contains(where: { formula.columns[$0].extent == .token }) {
      lines.append("  const size_t tokens = token_offsets[\(formula.responses) * n];")
    }
    if count + sum > 0 || program.isSorting {
      let entries = program.isSorting ? " + (n + 1) * sizeof(lk_entry)" : ""
      lines.append("  double *memory = malloc((n * \(count + sum) + 1) * sizeof(double)\(entries));")
      lines.append("  if (!memory) return -1;")
      lines += (0..<count).map { "  double *m\($0 + 1) = memory + \($0) * n;" }
      if sum > 0, let column = formula.tokenSum {
        lines.append("  double *d_\(formula.columns[column].name) = memory + \(count) * n;")
      }
      if program.isSorting { lines.append("  lk_entry *entries = (lk_entry *)(memory + \(count + sum) * n + 1);") }
    }
    lines += statements.map { "  " + $0 }
    if count + sum > 0 || program.isSorting { lines.append("  free(memory);") }
    return lines + ["  return 0;", "}"]
  }

  // MARK: Leaves and results

  private func leaf(_ node: GraphNode) -> String {
    switch node.operation {
    case .input: "\(name(node.a))[\(node.b) * n + g]"
    case .parameter: parameters[node.a]
    case .state: "state[\(node.a)]"
    case .cotangent:
      formula.kind == .reward ? "(cotangent ? cotangent[\(node.a) * n + g] : 1)" : "(cotangent ? cotangent[g] : 1)"
    case .batchCount: "(double)n"
    case .rowIndex: "(double)g"
    default: "lk_uniform(seed, \(node.a), g)"
    }
  }

  /// The target of each result of the main part: outputs first, then gradients.
  private func target(_ result: Int) -> String {
    guard let main = formula.main else { return "" }
    if result < main.graph.outputs.count {
      if formula.kind == .reward { return "reward[\(result) * n + g]" }
      return result == 0 ? "loss[g]" : hasTokens ? "" : "reward[\(result - 1) * n + g]"
    }
    let slot = main.gradients[result - main.graph.outputs.count].slot
    return "d_\(formula.columns[slot.column].name)[\(slot.slot) * n + g]"
  }

  // MARK: Tokens

  private func tokenBody(_ part: ExportedFormula.Part, _ roots: [Int]) -> CodeBody {
    CodeBody(part.graph, roots: roots, language: .c) { node in
      switch node.operation {
      case .input: "\(name(node.a))[\(node.b) * tokens + i]"
      case .parameter: parameters[node.a]
      case .cotangent:
        formula.main == nil ? "(cotangent ? cotangent[r] : 1)" : "d_\(formula.columns[formula.tokenSum ?? 0].name)[r]"
      case .tokenIndex: "(double)(i - token_offsets[r])"
      case .tokenCount: "(double)(token_offsets[r + 1] - token_offsets[r])"
      case .tokenShortest: "shortest"
      case .tokenRandomRank: "lk_random_rank(seed, \(node.a), token_offsets[r], token_offsets[r + 1], i)"
      default: "lk_uniform(seed, \(node.a), i)"
      }
    }
  }

  private func tokenLoop(_ part: ExportedFormula.Part, before: [String], inside: [String], after: [String]) -> [String]
  {
    let shortest = [
      "  double shortest = INFINITY;", "  for (size_t k = r % n; k < \(formula.responses) * n; k += n) {",
      "    if ((double)(token_offsets[k + 1] - token_offsets[k]) < shortest)",
      "      shortest = (double)(token_offsets[k + 1] - token_offsets[k]);", "  }",
    ]
    let needsShortest = part.graph.nodes.contains { $0.operation == .tokenShortest }
    return ["for (size_t r = 0; r < \(formula.responses) * n; r++) {"] + (needsShortest ? shortest : [])
      + before.map { "  " + $0 } + ["  for (size_t i = token_offsets[r]; i < token_offsets[r + 1]; i++) {"]
      + inside.map { "    " + $0 } + ["  }"] + after.map { "  " + $0 } + ["}"]
  }

  private var tokenSums: [String] {
    guard let tokens = formula.tokens, let output = tokens.graph.outputs.first else { return [] }
    let body = tokenBody(tokens, [output])
    return tokenLoop(
      tokens, before: ["double sum = 0;"], inside: body.constants + ["sum += \(body.text(output));"],
      after: ["reward[r] = sum;"])
  }

  private var tokenGradients: [String] {
    guard let tokens = formula.tokens, !tokens.gradients.isEmpty else { return [] }
    let body = tokenBody(tokens, tokens.gradients.map(\.node))
    let stores = tokens.gradients.map { gradient in
      "d_\(formula.columns[gradient.slot.column].name)[\(gradient.slot.slot) * tokens + i] = \(body.text(gradient.node));"
    }
    return tokenLoop(tokens, before: [], inside: body.constants + stores, after: [])
  }
}

extension CodeBody {
  /// The definitions as C constants.
  var constants: [String] { definitions.map { "const double \($0.name) = \($0.text);" } }
}
