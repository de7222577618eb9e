import LossKit

/// The statements shared by NumPy, PyTorch and JAX: an exported formula over arrays, with one row per slot of a column.
struct ArrayCode {
  let formula: ExportedFormula
  let language: CodeLanguage
  let parameterNames: [String]

  init(_ formula: ExportedFormula, _ language: CodeLanguage) throws {
    self.formula = formula
    self.language = language
    parameterNames = formula.parameters.map { language.identifier($0.name) }
    guard language == .numpy || !formula.isRandom else {
      throw Failure(
        "export: the objective draws random numbers, and \(language) has no integers that give the same bits on every device; "
          + "take python or c, or json with the draws made elsewhere")
    }
    guard language == .numpy || formula.tokens == nil || inputs.contains(where: { $0.extent == .token }) else {
      throw Failure(
        "export: the reward reads no column per token, and \(language) has only the columns' lengths to know the number of "
          + "tokens by; take python or c")
    }
    guard formula.tokens != nil || !inputs.isEmpty else {
      throw Failure("export: the objective reads no column, so there is nothing to be a function of; take c or json")
    }
  }

  // MARK: Names

  func name(_ column: Column) -> String { language.identifier(column.name) }
  /// The columns that a caller passes.
  var inputs: [Column] { formula.columns.indices.filter { $0 != formula.tokenSum }.map { formula.columns[$0] } }
  var functionName: String { language.identifier(formula.name) }
  var hasTokens: Bool { formula.tokens != nil }
  private var module: String { language == .numpy ? "np" : language == .torch ? "torch" : "jnp" }

  private func leaf(_ node: GraphNode, cotangent: String) -> String {
    switch node.operation {
    case .input: "\(name(formula.columns[node.a]))[\(node.b)]"
    case .parameter: parameterNames[node.a]
    case .state: "state[\(node.a)]"
    case .cotangent: formula.kind == .reward && formula.tokens == nil ? "\(cotangent)[\(node.a)]" : cotangent
    case .batchCount: "batch_count"
    case .rowIndex: "row"
    case .uniform: "_uniform(seed, \(node.a), like)"
    case .tokenIndex, .tokenCount, .tokenShortest: "_\(node.operation.entry.text)"
    case .tokenRandomRank: "_random_rank(_uniform(seed, \(node.a), owner), owner, token_offsets)"
    default: node.operation.entry.text
    }
  }

  private func body(_ part: ExportedFormula.Part, _ roots: [Int], cotangent: String) -> CodeBody {
    CodeBody(part.graph, roots: roots, language: language) { leaf($0, cotangent: cotangent) }
  }

  // MARK: Statements

  /// Columns as arrays of rows, hyperparameters as numbers of the language.
  var preparation: [String] {
    var lines = inputs.map { column -> String in
      let name = name(column)
      // All columns over prompts are as long as the first one; likewise those over tokens.
      let first = inputs.first { ($0.extent == .token) == (column.extent == .token) } ?? column
      let type = language == .torch ? ", dtype" : ""
      let other = first == column ? "" : ", \(self.name(first))"
      return "\(name) = _split(\"\(name)\", \(name), \(slots(of: column))\(type)\(other))"
    }
    if hasTokens { lines += tokenPreparation }
    if let column = inputs.first(where: { $0.extent != .token }) {
      lines.append("like = \(name(column))[0]")
    } else if hasTokens {
      switch language {
      case .numpy: lines.append("like = np.zeros(lengths.size // \(formula.responses))")
      case .torch: lines.append("like = \(tokens).new_zeros(lengths.numel() // \(formula.responses))")
      default: lines.append("like = jnp.zeros(lengths.size // \(formula.responses), dtype=\(tokens).dtype)")
      }
    }
    let nodes = formula.main?.graph.nodes ?? []
    if nodes.contains(where: { $0.operation == .batchCount }) {
      let count =
        switch language {
        case .numpy: "float(like.size)"
        case .torch: "torch.full((), like.numel(), dtype=dtype, device=like.device)"
        default: "jnp.asarray(like.size, dtype=like.dtype)"
        }
      lines.append("batch_count = \(count)")
    }
    if nodes.contains(where: { $0.operation == .rowIndex }) {
      let row =
        switch language {
        case .numpy: "np.arange(like.size, dtype=np.float64)"
        case .torch: "torch.arange(like.numel(), dtype=dtype, device=like.device)"
        default: "jnp.arange(like.size, dtype=like.dtype)"
        }
      lines.append("row = \(row)")
    }
    return lines
  }

  /// The column that gives the number of tokens, in languages that need one for it.
  private var tokens: String { inputs.first { $0.extent == .token }.map(name) ?? "" }

  private var tokenPreparation: [String] {
    let count = formula.responses
    switch language {
    case .numpy:
      return [
        "lengths = np.diff(np.asarray(token_offsets, dtype=np.int64))",
        "owner = np.repeat(np.arange(lengths.size), lengths)",
        "_token_index = np.arange(owner.size) - np.asarray(token_offsets)[owner]",
        "_token_count = lengths[owner].astype(np.float64)",
        "_token_shortest = np.tile(lengths.reshape(\(count), -1).min(axis=0), \(count))[owner].astype(np.float64)",
      ]
    case .torch:
      return [
        "lengths = token_offsets[1:] - token_offsets[:-1]",
        "owner = torch.searchsorted(token_offsets[1:], torch.arange(\(tokens).shape[1], device=\(tokens).device), right=True)",
        "_token_index = (torch.arange(\(tokens).shape[1], device=\(tokens).device) - token_offsets[owner]).to(dtype)",
        "_token_count = lengths[owner].to(dtype)",
        "_token_shortest = lengths.reshape(\(count), -1).amin(0).repeat(\(count))[owner].to(dtype)",
      ]
    default:
      return [
        "lengths = token_offsets[1:] - token_offsets[:-1]",
        "owner = jnp.searchsorted(token_offsets[1:], jnp.arange(\(tokens).shape[1]), side=\"right\")",
        "_token_index = (jnp.arange(\(tokens).shape[1]) - token_offsets[owner]).astype(\(tokens).dtype)",
        "_token_count = lengths[owner].astype(\(tokens).dtype)",
        "_token_shortest = jnp.tile(lengths.reshape(\(count), -1).min(axis=0), \(count))[owner].astype(\(tokens).dtype)",
      ]
    }
  }

  /// The rewards that are sums over tokens, in a variable named like their column.
  var tokenSums: [String] {
    guard let tokens = formula.tokens, let sum = formula.tokenSum, let output = tokens.graph.outputs.first else {
      return []
    }
    let code = body(tokens, [output], cotangent: "token_cotangent")
    let value = "_rows(\(code.text(output)), _token_count)"
    let name = name(formula.columns[sum])
    let result =
      switch language {
      case .numpy: "np.bincount(owner, weights=\(value), minlength=lengths.size)"
      case .torch: "like.new_zeros(lengths.numel()).index_add(0, owner, \(value))"
      default: "jax.ops.segment_sum(\(value), owner, num_segments=lengths.size)"
      }
    return code.assignments + ["\(name) = \(result).reshape(\(formula.responses), -1)"]
  }

  /// The values: `loss` and `reward`, and the states.
  var values: [String] {
    guard let main = formula.main else { return [] }
    let roots = main.graph.outputs + main.graph.stateOutputs
    let code = body(main, roots, cotangent: "cotangent")
    return code.assignments + results(code)
  }

  /// The gradients: `d_<column>` for each differentiable column; those of a sum over tokens become gradients of the
  /// tokens.
  var gradients: [String] {
    var lines: [String] = []
    if let main = formula.main {
      let code = body(main, main.gradients.map(\.node), cotangent: "cotangent")
      lines += code.assignments + collected(main, code, like: "like")
    }
    guard let tokens = formula.tokens, !tokens.gradients.isEmpty else { return lines }
    if let sum = formula.tokenSum, formula.main != nil {
      lines.append("token_cotangent = d_\(formula.columns[sum].name).reshape(-1)[owner]")
    } else {
      lines.append("token_cotangent = cotangent.reshape(-1)[owner]")
    }
    let code = body(tokens, tokens.gradients.map(\.node), cotangent: "token_cotangent")
    return lines + code.assignments + collected(tokens, code, like: "_token_count")
  }

  /// Values and gradients together, so that shared subexpressions are computed once.
  var everything: [String] {
    guard let main = formula.main else { return gradients }
    let roots = main.graph.outputs + main.graph.stateOutputs + main.gradients.map(\.node)
    let code = body(main, roots, cotangent: "cotangent")
    var lines = code.assignments + results(code) + collected(main, code, like: "like")
    guard let tokens = formula.tokens, let sum = formula.tokenSum, !tokens.gradients.isEmpty else { return lines }
    lines.append("token_cotangent = d_\(formula.columns[sum].name).reshape(-1)[owner]")
    let own = body(tokens, tokens.gradients.map(\.node), cotangent: "token_cotangent")
    lines += own.assignments + collected(tokens, own, like: "_token_count")
    return lines
  }

  private func results(_ code: CodeBody) -> [String] {
    guard let main = formula.main else { return [] }
    var lines: [String] = []
    var rewards = main.graph.outputs[...]
    if formula.kind != .reward, let loss = rewards.popFirst() {
      lines.append("loss = _rows(\(code.text(loss)), like)")
    }
    if formula.tokenSum == nil, !rewards.isEmpty {
      lines.append(
        "reward = \(module).stack([\(rewards.map { "_rows(\(code.text($0)), like)" }.joined(separator: ", "))])")
    }
    if !formula.states.isEmpty {
      lines.append("state_after = (\(main.graph.stateOutputs.map { code.text($0) + "," }.joined(separator: " ")))")
    }
    return lines
  }

  private func collected(_ part: ExportedFormula.Part, _ code: CodeBody, like: String) -> [String] {
    let nodes = Dictionary(part.gradients.map { ($0.slot, $0.node) }) { first, _ in first }
    let differentiated = Set(part.gradients.map(\.slot.column))
    return formula.columns.indices.filter { differentiated.contains($0) && formula.columns[$0].isDifferentiable }.map {
      index in
      let column = formula.columns[index]
      let rows = (0..<slots(of: column)).map { slot in
        let node = nodes[InputSlot(column: index, slot: slot)]
        return "_rows(\(node.map { code.text($0) } ?? "0.0"), \(like))"
      }
      let list = "[\(rows.joined(separator: ", "))]"
      // In torch, the shape to which rows are joined depends on how the column was passed.
      let isLoose = language == .torch && index != formula.tokenSum
      return "d_\(column.name) = \(isLoose ? list : "\(module).stack(\(list))")"
    }
  }

  /// The differentiable columns that have a derivative.
  var differentiated: [Column] {
    let columns = Set(((formula.main?.gradients ?? []) + (formula.tokens?.gradients ?? [])).map(\.slot.column))
    return formula.columns.indices.filter { $0 != formula.tokenSum && columns.contains($0) }.map { formula.columns[$0] }
  }

  /// The number of rows of a column.
  func slots(of column: Column) -> Int {
    (column.extent == .response ? formula.responses : 1) * (column.isPerReference ? formula.references : 1)
  }

  /// The shape of a column, in words.
  func shape(of column: Column) -> String {
    let axes = [
      column.isPerReference && (formula.references > 1 || column.extent != .response) ? "\(formula.references)" : nil,
      column.extent == .response ? "\(formula.responses)" : nil, column.extent == .token ? "tokens" : "prompts",
    ]
    return "[\(axes.compactMap { $0 }.joined(separator: ", "))]"
  }
}

extension CodeBody {
  /// The definitions as assignments.
  var assignments: [String] { definitions.map { "\($0.name) = \($0.text)" } }
}
