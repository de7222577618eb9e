/// What a node of a formula does: a number of the plugin ABI or, from 200 on, of an operation that arises in gradients and programs.
///
/// All that is known of an operation stands in its entry; the entries are in the files of this folder, by family.
package struct Operation: RawRepresentable, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  package let rawValue: UInt32

  init(_ number: UInt32) { rawValue = number }

  /// The operation of a number; nil where there is none.
  package init?(rawValue: UInt32) {
    guard rawValue < Self.limit, Self.entries[Int(rawValue)].operation.rawValue == rawValue else { return nil }
    self.rawValue = rawValue
  }

  /// All operations, by number.
  package static let allCases = table.map(\.operation).sorted { $0.rawValue < $1.rawValue }

  /// All entries.
  package static let table =
    OperationEntry.leaves + OperationEntry.arithmetic + OperationEntry.elementary + OperationEntry.piecewise
    + OperationEntry.internals + OperationEntry.batch + OperationEntry.extents

  private static let limit: UInt32 = 256

  /// The entries by number; any of them at the numbers of no operation.
  private static let entries: [OperationEntry] = {
    var entries = [OperationEntry](repeating: OperationEntry.leaves[0], count: Int(limit))
    for entry in table { entries[Int(entry.operation.rawValue)] = entry }
    return entries
  }()

  /// What is known of the operation.
  package var entry: OperationEntry { Self.entries[Int(rawValue)] }

  /// Its name in Swift.
  package var description: String { entry.name }
  /// The number of operands that are nodes.
  package var arity: Int { entry.arity }
  /// Whether its value depends on the whole batch.
  package var isBatch: Bool { entry.isBatch }
  /// Whether its value at a row depends on the operands' values at that row alone.
  var isElementwise: Bool { entry.isElementwise }
  /// Whether it arises in gradients and programs only, and is no operation of a formula.
  package var isInternal: Bool { rawValue >= 200 }
  /// Whether swapping the operands changes nothing.
  var isCommutative: Bool { entry.isCommutative }
  /// The kernel that does it for rows.
  var kernel: UInt32 { entry.kernel }

  /// The value for the values of the operands, by the C library's functions: the reference for every faster evaluator.
  package func callAsFunction(_ a: Double, _ b: Double = 0, _ c: Double = 0) -> Double { entry.value(a, b, c) }
}
