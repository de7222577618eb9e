import CLossKitRows

/// The row-wise computations between the matrix products, with the widest instructions of the processor.
enum RowKernels {
  /// The functions for this processor.
  static let best = losskit_transformer_kernels_for(0).pointee

  /// The number of rows of `width` floats that justifies another thread.
  static func fewestRows(width: Int) -> Int { (1 << 14) / width + 1 }

  /// The size in bytes of a number that only matrix products read.
  static func size(_ isRounded: Bool) -> Int { isRounded ? 2 : 4 }
}
