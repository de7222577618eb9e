import LossKit

/// A language of exported formulas: the spelling of its operations and numbers.
enum CodeLanguage: Sendable {
  case numpy, torch, jax, c

  /// The spelling of an operation as a call of its function.
  func call(_ operation: Operation) -> Spelling {
    let operands = ["{a}", "{b}", "{c}"].prefix(operation.arity) + (operation.isBatch ? ["like"] : [])
    return Spelling("\(function(operation))(\(operands.joined(separator: ", ")))", .atom)
  }

  private func function(_ operation: Operation) -> String {
    switch operation.entry.code {
    case .helper(let helper): name(of: helper)
    case .library(let c): self == .c ? c ?? operation.entry.text : module + operation.entry.text
    case .infix, nil: operation.entry.text
    }
  }

  /// The name of a helper function.
  func name(of helper: CodeSpelling.Helper) -> String { (self == .c ? "lk_" : "_") + helper.name }

  private var module: String {
    switch self {
    case .numpy: "np."
    case .torch: "torch."
    case .jax: "jnp."
    case .c: ""
    }
  }

  /// A number of a formula; one outside the range of float32 is clamped to the range of the arrays' type.
  func constant(_ value: Double) -> String {
    let isSafe = value == 0 || !value.isFinite || (0x1p-126...0x1.fffffep127).contains(value.magnitude)
    return isSafe || self == .numpy || self == .c ? number(value) : "_within(\(number(value)), like.dtype)"
  }

  /// A number.
  func number(_ value: Double) -> String {
    if value.isFinite { return value.description }
    let name: String
    switch self {
    case .c: name = value.isNaN ? "NAN" : "INFINITY"
    case .numpy, .torch, .jax: name = value.isNaN ? "math.nan" : "math.inf"
    }
    return value == -.infinity ? "-\(name)" : name
  }

  /// Words that cannot be names.
  private var reserved: Set<String> {
    switch self {
    case .c:
      [
        "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern",
        "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed",
        "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "alignas",
        "alignof", "bool", "constexpr", "false", "nullptr", "static_assert", "thread_local", "true", "typeof", "n", "g",
        "r", "i", "k", "m", "main", "seed", "sum", "tokens", "memory", "entries", "cotangent", "state", "loss",
        "shortest", "token_offsets", "gamma", "exp", "expm1", "log", "log1p", "sqrt", "tanh", "floor", "fabs", "malloc",
        "free", "qsort", "size_t", "uint64_t", "y0", "y1", "j0", "j1", "index",
      ]
    case .numpy, .torch, .jax:
      [
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
        "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass",
        "raise", "return", "try", "while", "with", "yield", "np", "jnp", "jax", "torch", "math", "count", "row", "seed",
        "state", "ctx", "cotangent", "cotangents", "token_cotangent", "token_offsets", "batch_count", "like", "owner",
        "lengths", "loss", "gradients", "ones", "dtype", "device", "results", "arguments", "given", "state_after",
        "float", "tuple",
        "zip",
      ]
    }
  }

  /// The prefixes of names of intermediate values.
  private static let prefixes = ["d_", "given_", "shape_of_", "lk_"]

  /// A name of the objective as an identifier of the language, avoiding reserved words and names of intermediate
  /// values.
  ///
  /// Names that differ stay different.
  func identifier(_ name: String) -> String {
    let stem = String(name.reversed().drop { $0 == "_" }.reversed())
    let isNumbered = ["t", "m", "v", "mean", "after"].contains { letters in
      stem.hasPrefix(letters) && stem.count > letters.count && stem.dropFirst(letters.count).allSatisfy(\.isNumber)
    }
    let isTaken = reserved.contains(stem) || isNumbered || Self.prefixes.contains { stem.hasPrefix($0) }
    return isTaken ? name + "_" : name
  }
}
