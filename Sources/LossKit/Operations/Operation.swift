/// The operation of a node: a number of the plugin ABI or, from 200 on, an operation that occurs only in gradients and programs.
///
/// Its entry holds all that is known of it. The files of this folder hold the entries, by family.
package struct Operation: RawRepresentable, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  package let rawValue: UInt32

  init(_ number: UInt32) { rawValue = number }

  /// Creates an operation from its number; nil for an unknown one.
  package init?(rawValue: UInt32) {
    guard rawValue < Self.limit, Self.entries[Int(rawValue)].operation.rawValue == rawValue else { return nil }
    self.rawValue = rawValue
  }

  /// All operations, in order of their numbers.
  package static let allCases = table.map(\.operation).sorted { $0.rawValue < $1.rawValue }

  /// All entries.
  package static let table =
    OperationEntry.leaves + OperationEntry.arithmetic + OperationEntry.elementary + OperationEntry.piecewise
    + OperationEntry.internals + OperationEntry.batch + OperationEntry.extents

  private static let limit: UInt32 = 256

  /// The entries by number; the gaps between numbers hold an arbitrary entry.
  private static let entries: [OperationEntry] = {
    var entries = [OperationEntry](repeating: OperationEntry.leaves[0], count: Int(limit))
    for entry in table { entries[Int(entry.operation.rawValue)] = entry }
    return entries
  }()

  /// The operation's entry.
  package var entry: OperationEntry { Self.entries[Int(rawValue)] }

  /// Its name in Swift.
  package var description: String { entry.name }
  /// The number of operands that are nodes.
  package var arity: Int { entry.arity }
  /// Whether its value depends on the whole batch.
  package var isBatch: Bool { entry.isBatch }
  /// Whether its value at a row depends only on the operands' values at that row.
  var isElementwise: Bool { entry.isElementwise }
  /// Whether it occurs only in gradients and programs.
  package var isInternal: Bool { rawValue >= 200 }
  /// Whether the operands can be swapped.
  var isCommutative: Bool { entry.isCommutative }
  /// The number of its kernel.
  var kernel: UInt32 { entry.kernel }

  /// The value for operands' values, computed with the C library: the reference for every faster evaluator.
  package func callAsFunction(_ a: Double, _ b: Double = 0, _ c: Double = 0) -> Double { entry.value(a, b, c) }
}
