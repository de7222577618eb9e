import CLossKit
import LossKit
import LossKitRuntime
import LossKitSystem

/// An objective that a host opened, with precomputed data that every evaluation reads.
///
/// Sendable although it holds pointers: they point to memory it owns, which is written before it is shared.
final class HostedObjective: @unchecked Sendable {
  /// A column that the objective reads.
  struct HostedColumn {
    let name: UnsafeMutablePointer<CChar>?
    let extent: Column.Extent
    let isDifferentiable, isOptional, isPerReference: Bool
    let rule: ColumnRule
    /// Whether it holds the token counts of the batch's own responses.
    let isTokenCount: Bool
  }

  let objective: Objective
  let columns: [HostedColumn]
  let stateCount: Int
  let hasReward, needsReference: Bool
  let responses: ClosedRange<Int>
  let referenceCount: Int
  let rewardScale: Double
  /// The columns that metrics are computed from, if the objective reads them.
  let logProbabilityColumn, labelColumn: Int?

  init(_ objective: Objective) {
    self.objective = objective
    columns = objective.columns.map { column in
      HostedColumn(
        name: strdup(column.name), extent: column.extent, isDifferentiable: column.isDifferentiable,
        isOptional: column.isOptional, isPerReference: column.isPerReference, rule: ColumnRule(column),
        isTokenCount: column.name == Column.tokenCount.name)
    }
    stateCount = objective.initialState.count
    hasReward = objective.reward != nil
    needsReference = objective.needsReference
    responses = objective.responses
    referenceCount = objective.referenceCount
    rewardScale = objective.rewardScale
    logProbabilityColumn = objective.columns.firstIndex { $0.name == Column.logProbability.name }
    labelColumn = objective.columns.firstIndex { $0.name == Column.label.name }
  }

  deinit { for column in columns { free(column.name) } }

  /// The objective's properties, for a host.
  var info: losskit_objective_info {
    var flags: Int32 = 0
    if objective.isRowwise { flags |= Int32(LOSSKIT_OBJECTIVE_ROWWISE) }
    if objective.isFused { flags |= Int32(LOSSKIT_OBJECTIVE_FUSED) }
    if objective.hasNumericGradient { flags |= Int32(LOSSKIT_OBJECTIVE_NUMERIC_GRADIENT) }
    if hasReward { flags |= Int32(LOSSKIT_OBJECTIVE_HAS_REWARD) }
    let upper = objective.responses.upperBound
    return losskit_objective_info(
      flags: UInt32(flags), reserved: 0, min_responses: objective.responses.lowerBound,
      // size_t is imported as Int, so SIZE_MAX is -1.
      max_responses: upper == Int.max ? -1 : upper, references: objective.referenceCount, column_count: columns.count,
      state_count: stateCount, reward_scale: rewardScale)
  }

  /// A column's properties, for a host.
  func columnInfo(at index: Int) throws -> losskit_column_info {
    guard columns.indices.contains(index) else {
      throw Failure("losskit_objective_column: there is no column \(index); the objective reads \(columns.count)")
    }
    let column = objective.columns[index]
    var flags: Int32 = 0
    if column.isOptional { flags |= Int32(LOSSKIT_COLUMN_OPTIONAL) }
    if column.isDifferentiable { flags |= Int32(LOSSKIT_COLUMN_DIFFERENTIABLE) }
    if column.isPerReference { flags |= Int32(LOSSKIT_COLUMN_PER_REFERENCE) }
    var info = losskit_column_info()
    info.extent = column.extent.rawValue
    info.flags = UInt32(flags)
    guard column.name.utf8.count < MemoryLayout.size(ofValue: info.name) else {
      throw Failure("column '\(column.name)': its name is too long for losskit_column_info")
    }
    withUnsafeMutableBytes(of: &info.name) { writeTerminated(column.name, to: $0) }
    return info
  }
}
