/// Random numbers that a seed decides: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
package struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64

  /// Numbers from a seed; equal seeds, equal numbers.
  package init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number between the ends of a range, evenly.
  package mutating func uniform(_ range: ClosedRange<Double>) -> Double { .random(in: range, using: &self) }

  /// A number that is close to normal: the sum of twelve uniform ones.
  package mutating func normal(mean: Double = 0, deviation: Double = 1) -> Double {
    mean + deviation * ((0..<12).reduce(-6.0) { sum, _ in sum + uniform(0...1) })
  }

  /// Several such numbers.
  package mutating func normals(_ count: Int, mean: Double = 0, deviation: Double = 1) -> [Double] {
    (0..<count).map { _ in normal(mean: mean, deviation: deviation) }
  }
}
