/// Random bits from a seed, the same on every platform and in every version: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The sequence of a seed.
  package init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= Self.step
    return Self.mix(state)
  }

  /// The element of a seed's sequence at `index`, counted from 0.
  package static func element(_ index: UInt64, ofSeed seed: UInt64) -> UInt64 { mix(seed &+ step &* (index &+ 1)) }

  private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mix(_ state: UInt64) -> UInt64 {
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
