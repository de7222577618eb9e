/// The pairwise sum, whose rounding error grows with the logarithm of the count.
package func pairwiseSum(_ values: UnsafeBufferPointer<Double>) -> Double {
  if values.count <= 32 { return values.reduce(0, +) }
  let middle = values.count / 2
  return pairwiseSum(UnsafeBufferPointer(rebasing: values[..<middle]))
    + pairwiseSum(UnsafeBufferPointer(rebasing: values[middle...]))
}

/// The pairwise sum, whose rounding error grows with the logarithm of the count.
package func pairwiseSum(_ values: [Double]) -> Double { values.withUnsafeBufferPointer { pairwiseSum($0) } }
