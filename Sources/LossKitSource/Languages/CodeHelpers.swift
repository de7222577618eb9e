import LossKit

/// The functions that generated code uses where a language has no numerically stable one, each by name.
enum CodeHelpers {
  /// The helpers that `code` calls, directly or indirectly, each before its first use.
  static func used(in code: String, _ language: CodeLanguage) -> [String] {
    let all = helpers(language)
    var needed: Set<String> = []
    var texts = [code]
    while let text = texts.popLast() {
      for (name, source) in all where !needed.contains(name) && text.contains(name + "(") {
        needed.insert(name)
        texts.append(source)
      }
    }
    return all.filter { needed.contains($0.name) }.map(\.source)
  }

  private static func helpers(_ language: CodeLanguage) -> [(name: String, source: String)] {
    switch language {
    case .numpy: numpy
    case .torch: torch
    case .jax: jax
    case .c: c
    }
  }

  /// The helpers for operations.
  static func operations(_ language: CodeLanguage) -> [(name: String, source: String)] {
    var names: Set<String> = []
    return Operation.table.compactMap { entry in
      guard case .helper(let helper) = entry.code, names.insert(helper.name).inserted else { return nil }
      return language.source(of: helper).map { (language.name(of: helper), $0) }
    }
  }

  /// The check of column shapes, for every language with arrays.
  static let check = (
    name: "_check",
    source: """
    def _check(name, shape, rows, other):
        # A column has its rows below each other or end to end; they are as long as those of the other column.
        is_flat = len(shape) == 1 and shape[0] % rows == 0
        if not is_flat and (len(shape) < 2 or math.prod(shape[:-1]) != rows):
            raise ValueError(f"{name}: a column of {rows} rows is needed, not one of shape {tuple(shape)}")
        length = shape[0] // rows if is_flat else shape[-1]
        if other is not None and length != other[0].shape[0]:
            raise ValueError(f"{name}: its rows have {length} entries, those of other columns {other[0].shape[0]}")
    """
  )
}

extension CodeLanguage {
  /// The definition of an operation's helper; nil if the language needs none.
  fileprivate func source(of helper: CodeSpelling.Helper) -> String? {
    let body =
      switch self {
      case .numpy: helper.numpy
      case .torch: helper.torch
      case .jax: helper.jax
      case .c: helper.c
      }
    guard let body else { return nil }
    let name = name(of: helper)
    let lines = body.split(separator: "\n")
    if self != .c {
      let comment = helper.comment.map { ["    # " + $0] } ?? []
      let head = "def \(name)(\(helper.operands)):"
      return ([head] + comment + lines.map { "    " + $0 }).joined(separator: "\n")
    }
    let comment = helper.comment.map { "/* \($0) */\n" } ?? ""
    let operands = helper.operands.split(separator: ",").map { "double " + $0.drop { $0 == " " } }
    let head = "static double \(name)(\(operands.joined(separator: ", "))) {"
    if lines.count == 1 { return "\(comment)\(head) \(body) }" }
    return comment + ([head] + lines.map { "  " + $0 } + ["}"]).joined(separator: "\n")
  }
}
