import LossKit

/// An exported formula as a JAX module: a `custom_vjp` with the explicit gradient, for `jit`, `grad` and every device.
package struct JAXSource {
  private let code: ArrayCode
  private let formula: ExportedFormula

  package init(_ formula: ExportedFormula) throws {
    self.formula = formula
    code = try ArrayCode(formula, .jax)
  }

  package var text: String {
    let body = (values + [""] + rules + [""] + wrapper).joined(separator: "\n")
    let helpers = CodeHelpers.used(in: body, .jax)
    let head = [PythonText.heading(formula), "import math\n\nimport jax\nimport jax.numpy as jnp\nimport numpy as np"]
    return (head + helpers.map { "\n" + $0 } + ["\n" + body]).joined(separator: "\n") + "\n"
  }

  private var columns: [String] { code.inputs.map { code.name($0) } }
  private var scalars: [String] { code.parameterNames + (formula.states.isEmpty ? [] : ["state"]) }
  private var arguments: [String] { columns + (code.hasTokens ? ["token_offsets"] : []) + scalars }
  private var outputs: [String] {
    var names = formula.kind == .reward ? [] : ["loss"]
    let count = formula.main?.graph.outputs.count ?? 0
    if formula.tokenSum != nil || count > (formula.kind == .reward ? 0 : 1) { names.append("reward") }
    return names + (formula.states.isEmpty ? [] : ["state_after"])
  }

  private var values: [String] {
    let lines =
      code.preparation + code.tokenSums + code.values + ["return \(outputs.map { $0 + "," }.joined(separator: " "))"]
    return ["@jax.custom_vjp", "def _values(\(arguments.joined(separator: ", "))):"] + lines.map { "    " + $0 } + [""]
  }

  private var rules: [String] {
    let list = arguments.joined(separator: ", ")
    var back = ["\(arguments.joined(separator: ", ")), = arguments"]
    back += code.differentiated.map { "shape_of_\($0.name) = \(code.name($0)).shape" }
    back += code.preparation + code.tokenSums
    back.append(
      formula.kind == .reward
        ? "cotangent = cotangents[0].reshape(\(formula.responses), -1)" : "cotangent = cotangents[0].reshape(-1)")
    back += code.gradients
    back += ["results = [jax.tree.map(_still, argument) for argument in arguments]"]
    for column in code.differentiated {
      guard let index = code.inputs.firstIndex(where: { $0.name == column.name }) else { continue }
      back.append("results[\(index)] = d_\(column.name).reshape(shape_of_\(column.name))")
    }
    back.append("return tuple(results)")
    return [
      "def _forward(\(list)):", "    return _values(\(list)), (\(arguments.map { $0 + "," }.joined(separator: " ")))",
      "", "",
      "def _still(argument):",
      "    # What is not differentiated has the gradient 0, of JAX's own type where it is a whole number.",
      "    if jnp.issubdtype(argument.dtype, jnp.floating):",
      "        return jnp.zeros_like(argument)",
      "    return np.zeros(argument.shape, dtype=jax.dtypes.float0)", "", "",
      "def _backward(arguments, cotangents):",
    ] + back.map { "    " + $0 } + ["", "", "_values.defvjp(_forward, _backward)", ""]
  }

  private var wrapper: [String] {
    let keywords = PythonText.keywords(formula, code)
    let list = columns + (code.hasTokens ? ["token_offsets"] : []) + (keywords.isEmpty ? [] : ["*"] + keywords)
    let first = (code.inputs.first { $0.isDifferentiable } ?? code.inputs.first).map(code.name) ?? ""
    var lines = ["def \(code.functionName)(\(list.joined(separator: ", "))):"]
    lines += PythonText.documentation(
      formula, code, returns: outputs.map { $0 == "state_after" ? "state" : $0 }.joined(separator: ", ")
    ).map { "    " + $0 }
    lines += [
      "    given = jnp.result_type(jnp.asarray(\(first)).dtype, jnp.float32)",
      "    # Computed in double where jax_enable_x64 allows it.",
      "    dtype = jax.dtypes.canonicalize_dtype(jnp.float64)",
    ]
    lines += (columns + code.parameterNames).map { "    \($0) = jnp.asarray(\($0), dtype=dtype)" }
    if code.hasTokens { lines.append("    token_offsets = jnp.asarray(token_offsets)") }
    if !formula.states.isEmpty { lines.append("    state = tuple(jnp.asarray(value, dtype=dtype) for value in state)") }
    lines.append("    results = _values(\(arguments.joined(separator: ", ")))")
    let results = outputs.enumerated().map { index, name in
      name == "state_after" ? "results[\(index)]" : "results[\(index)].astype(given)"
    }
    lines.append("    return \(results.joined(separator: ", "))")
    return lines
  }
}
