import LossKit

/// An exported formula as a PyTorch module: an `autograd.Function` with the explicit gradient, which `torch.compile`
/// can compile whole.
package struct TorchSource {
  private let code: ArrayCode
  private let formula: ExportedFormula

  package init(_ formula: ExportedFormula) throws {
    self.formula = formula
    code = try ArrayCode(formula, .torch)
  }

  package var text: String {
    let body = (values + [""] + gradient + [""] + autograd + [""] + wrapper).joined(separator: "\n")
    let helpers = CodeHelpers.used(in: body, .torch)
    let head = [PythonText.heading(formula), "import math\n\nimport torch"]
    return (head + helpers.map { "\n" + $0 } + ["\n" + body]).joined(separator: "\n") + "\n"
  }

  private var columns: [String] { code.inputs.map { code.name($0) } + (code.hasTokens ? ["token_offsets"] : []) }
  private var scalars: [String] { code.parameterNames + (formula.states.isEmpty ? [] : ["state"]) }
  private var outputs: [String] {
    var names = formula.kind == .reward ? [] : ["loss"]
    let count = formula.main?.graph.outputs.count ?? 0
    if formula.tokenSum != nil || count > (formula.kind == .reward ? 0 : 1) { names.append("reward") }
    return names
  }
  private var stateOutputs: [String] { formula.states.indices.map { "state_after[\($0)]" } }

  /// The column that determines the type and device of the results.
  private var kindGiver: String {
    (code.inputs.first { $0.isDifferentiable } ?? code.inputs.first).map(code.name) ?? ""
  }

  private var preparation: [String] {
    let number = code.parameterNames.map { "\($0) = _number(\($0), dtype, device)" }
    let state = formula.states.isEmpty ? [] : ["state = [_number(value, dtype, device) for value in state]"]
    return ["dtype, device = _kind(\(kindGiver))"] + number + state + code.preparation + code.tokenSums
  }

  private var values: [String] {
    let results = (outputs + stateOutputs).joined(separator: ", ")
    let lines = preparation + code.values + ["return \(results),"]
    return ["def _values(\((columns + scalars).joined(separator: ", "))):"] + lines.map { "    " + $0 } + [""]
  }

  private var gradient: [String] {
    let first = code.differentiated.map { "given_\($0.name) = \(code.name($0))" }
    let shaped =
      formula.kind == .reward
      ? ["cotangent = cotangent.to(dtype).reshape(\(formula.responses), -1)"]
      : ["cotangent = cotangent.to(dtype).reshape(-1)"]
    let differentiated = Set(code.differentiated.map(\.name))
    let results = code.inputs.map {
      differentiated.contains($0.name) ? "_joined(d_\($0.name), given_\($0.name))," : "None,"
    }
    let lines = first + preparation + shaped + code.gradients + ["return (\(results.joined(separator: " ")))"]
    return ["def _gradients(cotangent, \((columns + scalars).joined(separator: ", "))):"] + lines.map { "    " + $0 }
      + [""]
  }

  private var autograd: [String] {
    let saved = columns.joined(separator: ", ")
    let others = scalars.map { "ctx.\($0)" }
    let none = [String](repeating: "None,", count: (code.hasTokens ? 1 : 0) + scalars.count)
    // For an objective, rewards are only for metrics, and states for the next call.
    let still =
      outputs.indices.dropFirst().map { "results[\($0)]" }
      + formula.states.indices.map { "results[\(outputs.count + $0)]" }
    var lines = [
      "class _Function(torch.autograd.Function):",
      "    @staticmethod",
      "    def forward(ctx, \((columns + scalars).joined(separator: ", "))):",
      "        ctx.save_for_backward(\(saved))",
    ]
    lines += zip(others, scalars).map { "        \($0) = \($1)" }
    lines.append("        results = _values(\((columns + scalars).joined(separator: ", ")))")
    if !still.isEmpty { lines.append("        ctx.mark_non_differentiable(\(still.joined(separator: ", ")))") }
    lines += [
      "        return results", "", "    @staticmethod", "    def backward(ctx, cotangent, *_):",
      "        gradients = _gradients(cotangent, *ctx.saved_tensors\(others.map { ", " + $0 }.joined()))",
      "        return (\((["*gradients,"] + none).joined(separator: " ")))", "",
    ]
    return lines
  }

  private var wrapper: [String] {
    let arguments = columns + ["*"] + PythonText.keywords(formula, code)
    let signature = arguments.last == "*" ? Array(arguments.dropLast()) : arguments
    var lines = ["def \(code.functionName)(\(signature.joined(separator: ", "))):"]
    let what = outputs.joined(separator: ", ") + (formula.states.isEmpty ? "" : ", state")
    lines += PythonText.documentation(formula, code, returns: what).map { "    " + $0 }
    lines.append("    results = _Function.apply(\((columns + scalars).joined(separator: ", ")))")
    let narrowed = outputs.indices.map { "_narrowed(results[\($0)], \(kindGiver))" }
    let state = formula.states.isEmpty ? [] : ["results[\(outputs.count):]"]
    lines.append("    return \((narrowed + state).joined(separator: ", "))")
    return lines
  }
}
