import LossKit
import LossKitRuntime

/// Where each column that an objective reads comes from.
struct ColumnSources {
  /// Who supplies a column.
  enum Source: Equatable {
    /// The policy, at every call.
    case policy
    /// The references, once: this column of each of them.
    case reference(Column)
    /// The policy's tokenizer, once.
    case tokenCount
    /// The data.
    case score, label
  }

  /// The columns in use, with who supplies each.
  let entries: [(column: Column, source: Source)]
  /// Whether the references change during the run, so that their columns are computed at every call.
  let referencesMove: Bool
  /// Whether the policy itself compares with the references.
  let policyComparesWithReferences: Bool

  /// Finds a source for every column that `objective` reads. Throws for a column that is needed and that nobody supplies, and where
  /// nothing that the policy supplies is differentiated: before anything is computed.
  init(
    _ objective: Objective, policy: [Column], policyName: String, reference: [Column], referencesMove: Bool,
    data: [PreferenceDataset]
  ) throws {
    self.referencesMove = referencesMove
    let hasScores = data.allSatisfy { $0.examples.allSatisfy { $0.scores != nil } }
    let hasLabels = data.allSatisfy { $0.examples.allSatisfy { $0.label != nil } }
    func source(of column: Column) -> Source? {
      if policy.contains(where: { $0.name == column.name && $0.extent == column.extent }) { return .policy }
      switch column.name {
      case Column.tokenCount.name: return .tokenCount
      case Column.score.name: return hasScores ? .score : nil
      case Column.label.name: return hasLabels ? .label : nil
      default:
        return reference.first { Self.referenceName($0) == column.name && $0.extent == column.extent }
          .map(Source.reference)
      }
    }
    var entries: [(column: Column, source: Source)] = []
    for column in objective.columns {
      if let source = source(of: column) {
        entries.append((column, source))
      } else if !column.isOptional {
        let supplied = policy.map(\.name) + reference.compactMap(Self.referenceName) + [Column.tokenCount.name]
        let fromData = (hasScores ? [Column.score.name] : []) + (hasLabels ? [Column.label.name] : [])
        throw Failure(
          """
          \(column.name): \(objective.description) reads this column, and nothing supplies it; policy \(policyName) and the data have \
          \((supplied + fromData).joined(separator: ", ")): choose another policy, objective or data
          """)
      }
    }
    // Read by the metrics alone, where the objective does not.
    if !entries.contains(where: { $0.column.name == Column.logProbability.name }),
      let column = policy.first(where: { $0.name == Column.logProbability.name })
    {
      entries.append((Column(column.name), .policy))
    }
    self.entries = entries
    policyComparesWithReferences = entries.contains { entry in
      entry.source == .policy && policy.contains { $0.name == entry.column.name && $0.isPerReference }
    }
    guard entries.contains(where: { $0.source == .policy && $0.column.isDifferentiable }) else {
      throw Failure(
        "\(objective.description): reads no column that policy \(policyName) can be trained by; choose another objective"
      )
    }
  }

  /// The columns that the policy supplies at every call.
  var policyColumns: [Column] { entries.filter { $0.source == .policy }.map(\.column) }

  /// The columns that are computed at every call.
  var computedColumns: [Column] { policyColumns + (referencesMove ? referenceColumns.map(\.column) : []) }

  /// A column of the references.
  struct ReferenceColumn: Equatable {
    /// As the objective reads it.
    let column: Column
    /// As a policy supplies it.
    let supplied: Column
  }

  /// The columns of the references.
  var referenceColumns: [ReferenceColumn] {
    entries.compactMap { entry in
      if case .reference(let supplied) = entry.source {
        ReferenceColumn(column: entry.column, supplied: supplied)
      } else {
        nil
      }
    }
  }

  /// The columns of the references that are computed once for all data.
  var storedReferenceColumns: [ReferenceColumn] { referencesMove ? [] : referenceColumns }

  /// Whether any column in use has an entry a token.
  var hasTokenColumns: Bool { entries.contains { $0.column.extent == .token } }

  /// Whether the references take part in every call.
  var needsLiveReferences: Bool {
    referencesMove || policyComparesWithReferences
  }

  /// What a policy's column is called where a reference supplies it.
  private static func referenceName(_ column: Column) -> String? {
    guard column.name.hasPrefix("policy_"), !column.isPerReference else { return nil }
    return "reference_" + column.name.dropFirst("policy_".count)
  }
}
