import LossKit

/// An exported formula as a Python module that only needs NumPy: one function of columns that returns loss, rewards and
/// gradients.
package struct NumPySource {
  private let code: ArrayCode
  private let formula: ExportedFormula

  package init(_ formula: ExportedFormula) throws {
    self.formula = formula
    code = try ArrayCode(formula, .numpy)
  }

  package var text: String {
    let body = function.joined(separator: "\n")
    let helpers = CodeHelpers.used(in: body, .numpy)
    let head = [PythonText.heading(formula), "import math\n\nimport numpy as np"]
    return (head + helpers.map { "\n" + $0 } + ["\n" + body]).joined(separator: "\n") + "\n"
  }

  private var function: [String] {
    let names = code.inputs.map { code.name($0) }
    let keywords = PythonText.keywords(formula, code) + (formula.isRandom ? ["seed=0"] : []) + ["cotangent=None"]
    let arguments = names + (code.hasTokens ? ["token_offsets"] : []) + ["*"] + keywords
    var lines = ["def \(code.functionName)(\(arguments.joined(separator: ", "))):"]
    lines += PythonText.documentation(
      formula, code,
      returns: "a dictionary with \"loss\", \"reward\", \"gradients\" (by column) and \"state\", as far as there are"
    )
    .map { "    " + $0 }
    lines += code.differentiated.map { "    shape_of_\($0.name) = np.shape(\(code.name($0)))" }
    lines.append("    with np.errstate(all=\"ignore\"):")
    lines += (code.preparation + cotangent + code.tokenSums + code.everything).map { "        " + $0 }
    return lines + result
  }

  private var cotangent: [String] {
    if formula.kind != .reward { return ["cotangent = _rows(1.0 if cotangent is None else cotangent, like)"] }
    return [
      "ones = np.ones((\(formula.responses), \(formula.tokens == nil ? "like.size" : "lengths.size // \(formula.responses)")))",
      "cotangent = ones if cotangent is None else np.asarray(cotangent, dtype=np.float64).reshape(ones.shape)",
    ]
  }

  private var result: [String] {
    let gradients = code.differentiated.map { "\"\($0.name)\": d_\($0.name).reshape(shape_of_\($0.name))" }
    var members = formula.kind == .reward ? [] : ["\"loss\": loss.copy()"]
    let hasReward =
      formula.tokenSum != nil || (formula.main?.graph.outputs.count ?? 0) > (formula.kind == .reward ? 0 : 1)
    if hasReward { members.append("\"reward\": reward") }
    members.append("\"gradients\": {\(gradients.joined(separator: ", "))}")
    if !formula.states.isEmpty { members.append("\"state\": tuple(float(value) for value in state_after)") }
    return ["    return {"] + members.map { "        \($0)," } + ["    }"]
  }
}

/// The text that all Python modules share.
enum PythonText {
  static func heading(_ formula: ExportedFormula) -> String {
    let hash = formula.hash.map { "\n\nSHA-256 of the objective: \($0)" } ?? ""
    return "\"\"\"\(quoted(formula.title)), written by LossKit.\(hash)\n\"\"\"\n"
  }

  /// Hyperparameters and states as keyword arguments with their defaults.
  static func keywords(_ formula: ExportedFormula, _ code: ArrayCode) -> [String] {
    zip(code.parameterNames, formula.parameters).map { "\($0)=\(code.language.number($1.value))" }
      + (formula.states.isEmpty ? [] : ["state=\(initialState(formula, code))"])
  }

  static func initialState(_ formula: ExportedFormula, _ code: ArrayCode) -> String {
    "(\(formula.states.map { code.language.number($0.initial) + "," }.joined(separator: " ")))"
  }

  static func documentation(_ formula: ExportedFormula, _ code: ArrayCode, returns: String) -> [String] {
    var lines = ["\"\"\"\(quoted(formula.title))", ""]
    lines += code.inputs.map {
      "\(code.name($0)): \(code.shape(of: $0))\($0.isDifferentiable ? ", differentiable" : "")"
    }
    if code.hasTokens {
      lines.append("token_offsets: where each response's tokens start, responses * prompts + 1 whole numbers")
    }
    lines += zip(code.parameterNames, formula.parameters).map { "\($0): \($1.range)" }
    if !formula.states.isEmpty {
      lines.append(
        "state: \(formula.states.map(\.name).joined(separator: ", ")); pass what the call before returned")
    }
    lines += [
      "", "Rows are responses, best first. Log-probabilities are in nats. Returns \(returns);",
      "gradients are those of the sum of cotangent * output.",
    ]
    return lines + ["\"\"\""]
  }

  private static func quoted(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"\"\"", with: "'''")
  }
}
