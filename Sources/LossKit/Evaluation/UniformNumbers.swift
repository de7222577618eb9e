import CLossKitKernels

/// Random numbers in (0, 1), as a pure function of seed, stream and row.
package enum UniformNumbers {
  /// The number at a row.
  package static func value(seed: UInt64, stream: UInt32, row: Int) -> Double {
    losskit_uniform(seed, stream, UInt64(truncatingIfNeeded: row))
  }
}
