package import LossKit

/// The values that a column may hold, according to its name.
package enum ColumnRule: Sendable {
  /// Any finite number.
  case finite
  /// Token counts: whole numbers of at least 0.
  case count
  /// 1 or 0.
  case label
  /// From 0 to 1.
  case probability

  /// Creates the rule of a column; a mismatched column has the rule of the column it copies.
  package init(_ column: Column) {
    let prefix = ObjectiveComposition.mismatched
    switch column.name.hasPrefix(prefix) ? String(column.name.dropFirst(prefix.count)) : column.name {
    case Column.tokenCount.name: self = .count
    case Column.label.name: self = .label
    case "win_probability", "desirable_probability": self = .probability
    default: self = .finite
    }
  }

  /// Whether a column may hold a number.
  @inline(__always)
  package func allows(_ value: Double) -> Bool {
    switch self {
    case .finite: value.isFinite
    // Above 2⁵² every double is whole; below it, adding that number rounds to a whole one. This is faster than a call
    // of floor.
    case .count: value >= 0 && (value + 0x1p52) - 0x1p52 == value && value.isFinite
    case .label: value == 0 || value == 1
    case .probability: value >= 0 && value <= 1
    }
  }

  /// The allowed values, in words.
  package var words: String {
    switch self {
    case .finite: "a finite number"
    case .count: "a whole number of tokens, 0 or more"
    case .label: "1 (desirable) or 0 (undesirable)"
    case .probability: "a probability from 0 to 1"
    }
  }
}
