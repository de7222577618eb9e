import LossKit
import LossKitRuntime

extension ColumnSources {
  /// Throws if a key of the data has the name of a computed column, naming its first line.
  static func checkNames(in data: PreferenceDataset, policy: [Column], policyName: String) throws {
    let computed = policy + [Column.tokenCount]
    let names = computed.flatMap { column in ColumnKeys.forms(of: column).joined().map { (name: $0, column: column) } }
    for key in data.furtherKeys {
      let isMismatched = key.hasPrefix(mismatchedPrefix)
      let named = names.first { $0.name == key }?.column.name
      guard let column = named ?? (isMismatched ? key : nil) else { continue }
      let line = data.firstLine(withKey: key).map { ", line \($0)" } ?? ""
      throw Failure(
        "\(data.source)\(line): \(key) names \(key == column ? "a column" : "the column \(column)") that policy \(policyName) computes; "
          + "rename the key, or remove it")
    }
  }

  /// The keys under which all data sets supply a column; nil if none does. Throws, with the line, if a row supplies it incorrectly.
  static func keys(of column: Column, in data: [PreferenceDataset], _ objective: Objective) throws -> [String]? {
    var first: (source: String, column: GivenColumn)?
    for (place, data) in data.enumerated() {
      guard let given = try data.given(column) else {
        guard let first else { continue }
        throw Failure("\(data.source): has no \(column.name), which \(first.source) has; add it, or remove it there")
      }
      if place > 0, first == nil {
        throw Failure(
          "\(data.source): has \(given.keys[0]), which the training data lack; add it there, or remove it")
      }
      if column.isPerReference, given.references < objective.referenceCount {
        throw Failure(
          """
          \(data.source): \(given.keys.joined(separator: " and ")) of \(counted(given.references, "reference")), and \
          \(objective.description) compares \(objective.referenceCount); write an array of \(objective.referenceCount) in each row
          """)
      }
      if let first, first.column.references != given.references {
        throw Failure(
          "\(data.source): \(given.keys[0]) has \(counted(given.references, "reference")), but "
            + "\(first.column.references) in \(first.source); write equally many")
      }
      first = first ?? (data.source, given)
    }
    return first?.column.keys
  }

  /// Throws if the data supply only some of the reference columns that an objective reads: the others would come from a different
  /// reference.
  static func checkGivenReferences(_ entries: [(column: Column, source: Source)], _ objective: Objective) throws {
    let given = entries.filter(\.column.isPerReference).flatMap(\.source.dataKeys)
    guard let key = given.first else { return }
    let other = entries.first { entry in
      switch entry.source {
      case .reference, .mismatchedReference: true
      default: false
      }
    }
    guard let other else { return }
    throw Failure(
      """
      \(key): the data supply it in place of a reference, and \(objective.description) reads \(other.column.name), too, which they \
      lack; add it to the data, or remove \(given.joined(separator: " and "))
      """)
  }
}
