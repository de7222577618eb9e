import LossKit

/// The names that arguments of a function may have, and the numbers that are bound to them.
struct ArgumentNames {
  /// A number of a row.
  struct Value: Equatable {
    let column: Column
    /// The response of a prompt that it belongs to; nil: the one there is.
    let rank: Int?
    /// The column that is subtracted.
    var subtracted: Column?
  }

  /// The prefixes of the names of a pair's responses, best first.
  static let roles = ["chosen_", "rejected_"]
  /// log π − log π_ref: what a link function is applied to.
  static let logRatio = "log_ratio"

  private static let standard: [Column] = [
    .reward, .logProbability, .referenceLogProbability, .tokenCount, .score, .label,
  ]

  private let values: [String: Value]

  /// The names for a loss or a reward that declares further columns.
  init(kind: LoadedComponent.Kind, columns: [String]) throws {
    var values: [String: Value] = [:]
    let all = Self.standard + columns.map { Column($0) }
    for column in all where kind == .loss || column != .reward {
      values[column.name] = Value(column: column, rank: nil)
      guard kind == .loss, column != .label else { continue }
      for (rank, role) in Self.roles.enumerated() { values[role + column.name] = Value(column: column, rank: rank) }
    }
    if kind == .reward {
      values[Self.logRatio] = Value(column: .logProbability, rank: nil, subtracted: .referenceLogProbability)
    }
    let standard = Set(Self.standard.map(\.name) + [Self.logRatio, Prototype.count, Prototype.userData])
    for name in columns {
      guard NameRule.isFieldName(name) else { throw Failure("columns: '\(name)' is not a name; \(NameRule.fieldRule)") }
      guard !standard.contains(name) else { throw Failure("columns: '\(name)' is a standard column; leave it out") }
      guard columns.count(where: { $0 == name }) == 1 else { throw Failure("columns: '\(name)' appears twice") }
    }
    self.values = values
  }

  subscript(_ name: String) -> Value? { values[name] }

  /// All of them.
  var all: [String] { values.keys.sorted() }
}
