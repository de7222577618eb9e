import CLossKitRows

/// What is computed between the matrix products, row by row, with the widest instructions the processor has.
enum RowKernels {
  /// The functions for this processor.
  static let best = losskit_transformer_kernels_for(0).pointee

  /// How many rows of `width` floats are worth a further thread.
  static func fewestRows(width: Int) -> Int { (1 << 14) / width + 1 }

  /// The bytes of a number that only matrix products read.
  static func size(_ isRounded: Bool) -> Int { isRounded ? 2 : 4 }
}
