import CLossKitKernels

/// The operations between extents; see `Extent`.
extension Operation {
  /// A column at its own extent.
  package static let column = Operation(211)
  /// The number of rows that belong to a coarser one, and the index of a row among them.
  package static let count = Operation(212)
  package static let place = Operation(213)
  /// Reductions to a coarser extent.
  package static let sum = Operation(214)
  package static let largest = Operation(215)
  package static let pick = Operation(216)
  /// Sweeps along a segment's rows.
  package static let scan = Operation(217)
  package static let scanLogSumExp = Operation(218)
  package static let shift = Operation(219)
  package static let order = Operation(220)
  /// 1 at the first row with the largest value of its segment, otherwise 0.
  package static let firstLargest = Operation(221)
  /// A value at an extent; only in compiled plans.
  package static let copy = Operation(222)
}

/// The entries. The derivatives, which change the extent, are in Differentiation.
extension OperationEntry {
  static let extents: [OperationEntry] = [
    .leaf(.column, "column"),
    .leaf(.count, "count"),
    .leaf(.place, "place"),
    .segment(.sum, "sum"),
    .segment(.largest, "largest"),
    .segment(.pick, "pick"),
    .segment(.scan, "scan", arity: 2),
    .segment(.scanLogSumExp, "scanLogSumExp"),
    .segment(.shift, "shift"),
    .segment(.order, "order"),
    .segment(.firstLargest, "firstLargest"),
    .unary(.copy, "copy", kernel: LOSSKIT_KERNEL_COPY, value: { $0 }),
  ]
}
