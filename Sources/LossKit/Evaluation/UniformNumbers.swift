/// Random numbers in (0, 1) that are a pure function of seed, stream and row.
package enum UniformNumbers {
  /// The number of a row.
  package static func value(seed: UInt64, stream: UInt32, row: Int) -> Double {
    let start = mix(seed &+ 0x9E37_79B9_7F4A_7C15 &* (UInt64(stream) &+ 1))
    let bits = mix(start &+ 0x9E37_79B9_7F4A_7C15 &* (UInt64(truncatingIfNeeded: row) &+ 1))
    return (Double(bits >> 11) + 0.5) * 0x1p-53
  }

  /// SplitMix64's output function (Steele, Lea and Flood, OOPSLA 2014).
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
