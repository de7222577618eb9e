import CTransformerKernels

/// What is computed between the matrix products, row by row, with the widest instructions the processor has.
enum RowKernels {
  /// The functions for this processor.
  static let best = losskit_transformer_kernels_for(0).pointee
}
