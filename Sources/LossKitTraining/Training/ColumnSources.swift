import LossKit
import LossKitRuntime

/// The source of each column that an objective reads.
struct ColumnSources {
  /// What supplies a column.
  enum Source: Equatable {
    /// The policy, in every call.
    case policy
    /// The references, once: this column of each.
    case reference(Column)
    /// The policy's tokenizer, once.
    case tokenCount
    /// The data, under these keys.
    case data(keys: [String])
    /// The policy, in every call, for the response to another prompt: this column.
    case mismatchedPolicy(Column)
    /// The references, in every call, for the response to another prompt: this column of each.
    case mismatchedReference(Column)
    /// The policy's tokenizer, in every call, for the response to another prompt.
    case mismatchedTokenCount

    /// The keys of the data; empty for other sources.
    var dataKeys: [String] {
      if case .data(let keys) = self { keys } else { [] }
    }
  }

  /// The columns in use and their sources.
  let entries: [(column: Column, source: Source)]
  /// Whether the references change during the run, so that their columns are computed in every call.
  let referencesMove: Bool
  /// Whether the policy itself evaluates the references.
  let policyComparesWithReferences: Bool

  /// Finds a source for every column that `objective` reads. Throws, before anything is computed, if a required column has no source or
  /// the objective has no gradient with respect to the policy's columns.
  init(
    _ objective: Objective, policy: [Column], policyName: String, reference: [Column], referencesMove: Bool,
    data: [PreferenceDataset]
  ) throws {
    self.referencesMove = referencesMove
    func source(of column: Column) throws -> Source? {
      if let name = Self.mismatchedName(column) {
        return Self.mismatchedSource(of: name, policy: policy, reference: reference)
      }
      if policy.contains(where: { $0.name == column.name && $0.extent == column.extent }) { return .policy }
      if column.name == Column.tokenCount.name { return .tokenCount }
      if let keys = try Self.keys(of: column, in: data, objective) { return .data(keys: keys) }
      return reference.first { Self.referenceName($0) == column.name && $0.extent == column.extent }
        .map(Source.reference)
    }
    var entries: [(column: Column, source: Source)] = []
    for column in objective.columns {
      if let source = try source(of: column) {
        entries.append((column, source))
      } else if !column.isOptional {
        let supplied = policy.map(\.name) + reference.compactMap(Self.referenceName) + [Column.tokenCount.name]
        let further = data.first.map { $0.furtherKeys } ?? []
        throw Failure(
          """
          \(column.name): \(objective.description) reads this column, and nothing supplies it; policy \(policyName) has \
          \(supplied.joined(separator: ", ")), and the data have \
          \(further.isEmpty ? "no further keys" : further.joined(separator: ", ")): add \
          \(ColumnKeys.forms(of: column).map { $0.joined(separator: " and ") }.joined(separator: ", or ")) to each row, or choose \
          another policy or objective
          """)
      }
    }
    try Self.checkGivenReferences(entries, objective)
    // The metrics read it even if the objective does not.
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

  /// The columns that the data supply.
  var dataColumns: [Column] { entries.filter { !$0.source.dataKeys.isEmpty }.map(\.column) }

  /// The keys of the data that are read as columns.
  var dataKeys: [String] { entries.flatMap(\.source.dataKeys) }

  /// The keys of the data that replace a reference model's columns; empty if a model is evaluated or no reference is read.
  var givenReferenceKeys: [String] { entries.filter(\.column.isPerReference).flatMap(\.source.dataKeys) }

  /// The columns that the policy supplies in every call.
  var policyColumns: [Column] { entries.filter { $0.source == .policy }.map(\.column) }

  /// The columns computed in every call.
  var computedColumns: [Column] {
    policyColumns + mismatchedColumns + (referencesMove ? referenceColumns.map(\.column) : [])
  }

  /// The columns that receive a gradient.
  var gradientColumns: [Column] { policyColumns + mismatchedPolicyColumns.map(\.column) }

  /// A column and the name under which a policy supplies it.
  struct SuppliedColumn: Equatable {
    /// The column as the objective reads it.
    let column: Column
    /// The column as a policy supplies it.
    let supplied: Column
  }

  /// The columns that the references supply.
  var referenceColumns: [SuppliedColumn] {
    columns { if case .reference(let supplied) = $0 { supplied } else { nil } }
  }

  /// The policy's columns for responses to other prompts.
  var mismatchedPolicyColumns: [SuppliedColumn] {
    columns { if case .mismatchedPolicy(let supplied) = $0 { supplied } else { nil } }
  }

  /// The references' columns for responses to other prompts.
  var mismatchedReferenceColumns: [SuppliedColumn] {
    columns { if case .mismatchedReference(let supplied) = $0 { supplied } else { nil } }
  }

  /// The token counts of responses to other prompts, if the objective reads them.
  var mismatchedTokenCount: Column? { entries.first { $0.source == .mismatchedTokenCount }?.column }

  /// All columns for responses to other prompts.
  var mismatchedColumns: [Column] { entries.map(\.column).filter(Self.isMismatched) }

  private func columns(_ supplied: (Source) -> Column?) -> [SuppliedColumn] {
    entries.compactMap { entry in supplied(entry.source).map { SuppliedColumn(column: entry.column, supplied: $0) } }
  }

  /// The reference columns that are computed once for all data.
  var storedReferenceColumns: [SuppliedColumn] { referencesMove ? [] : referenceColumns }

  /// Whether any column in use has an entry per token.
  var hasTokenColumns: Bool { entries.contains { $0.column.extent == .token } }

  /// Whether the references are evaluated in every call.
  var needsLiveReferences: Bool {
    referencesMove || policyComparesWithReferences || !mismatchedReferenceColumns.isEmpty
  }

  /// Whether a column is for responses to other prompts.
  static func isMismatched(_ column: Column) -> Bool { mismatchedName(column) != nil }

  /// The name, for a prompt's own responses, of a column for responses to other prompts; nil for any other column. Token columns have no
  /// such counterpart.
  private static func mismatchedName(_ column: Column) -> String? {
    guard column.name.hasPrefix(mismatchedPrefix), column.extent == .response else { return nil }
    return String(column.name.dropFirst(mismatchedPrefix.count))
  }

  /// The prefix of the names of columns for responses to other prompts.
  static let mismatchedPrefix = "mismatched_"

  private static func mismatchedSource(of name: String, policy: [Column], reference: [Column]) -> Source? {
    func isLike(_ column: Column) -> Bool { column.extent == .response && !column.isPerReference }
    if name == Column.tokenCount.name { return .mismatchedTokenCount }
    if let column = policy.first(where: { $0.name == name && isLike($0) }) { return .mismatchedPolicy(column) }
    return reference.first { referenceName($0) == name && isLike($0) }.map(Source.mismatchedReference)
  }

  /// The name of a policy's column when a reference supplies it.
  private static func referenceName(_ column: Column) -> String? {
    guard column.name.hasPrefix("policy_"), !column.isPerReference else { return nil }
    return "reference_" + column.name.dropFirst("policy_".count)
  }
}
