/// The largest |found − expected| / max(scale, |expected|); infinite if only one of two is NaN, or if the counts differ.
package func worstError(_ found: [Double], _ expected: [Double], scale: Double = 1) -> Double {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).map { relativeError($0, $1, scale: scale) }.max() ?? 0
}

/// |found − expected| / max(scale, |expected|); 0 for equal infinities and for two NaNs.
package func relativeError(_ found: Double, _ expected: Double, scale: Double = 1) -> Double {
  if found == expected || (found.isNaN && expected.isNaN) { return 0 }
  let error = abs(found - expected) / max(scale, abs(expected))
  return error.isNaN ? .infinity : error
}

/// The bit patterns, for exact comparison.
package func bits(_ values: [Double]) -> [UInt64] { values.map(\.bitPattern) }
