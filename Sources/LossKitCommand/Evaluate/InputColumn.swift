import LossKit
import LossKitRuntime

/// A column that the input of `losskit evaluate` can have, and the keys under which a line can bring it.
struct InputColumn {
  let column: Column
  /// TRL's keys for the chosen and the rejected response of a pair.
  let pairKeys: [String]

  /// The columns that an objective or its metrics read, and those that have a gradient even where nobody reads them.
  static func columns(for objective: Objective) -> [InputColumn] {
    let read = objective.columns
    let further = [Column.logProbability, .tokenLogProbability, .label].filter { column in
      !read.contains { $0.name == column.name }
    }
    return (read + further).map { InputColumn(column: $0, pairKeys: $0.pairNames) }
  }
}

/// The form in which a file brings a column; the gradient goes out in the same one.
struct InputKey {
  let column: Column
  /// One key of an array, or two of numbers.
  let keys: [String]

  var isPair: Bool { keys.count == 2 }

  /// Whether an objective, or its metrics, read the column.
  func isRead(by objective: Objective) -> Bool {
    objective.columns.contains { $0.name == column.name } || column.name != Column.tokenLogProbability.name
  }

  /// The form in which the keys of a file's first line bring a column; nil where they do not.
  init?(_ input: InputColumn, in keys: some Collection<String>) throws {
    let hasArray = keys.contains(input.column.name)
    let pair = input.pairKeys.filter { keys.contains($0) }
    if hasArray, let other = pair.first {
      throw Failure("\(input.column.name) and \(other) name the same column; write one of them")
    }
    guard hasArray || !pair.isEmpty else { return nil }
    if let here = pair.first, let missing = input.pairKeys.first(where: { !pair.contains($0) }) {
      throw Failure("has no \(missing) beside \(here); write both, or \(input.column.name) for all responses")
    }
    column = input.column
    self.keys = hasArray ? [input.column.name] : input.pairKeys
  }
}
