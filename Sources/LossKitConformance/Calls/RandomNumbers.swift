import LossKit

/// Random numbers determined by a seed.
package struct SeededNumbers: RandomNumberGenerator {
  private var bits: SplitMix64

  /// Numbers from a seed; equal seeds give equal numbers.
  package init(seed: UInt64) { bits = SplitMix64(seed: seed) }

  /// The next 64 bits.
  package mutating func next() -> UInt64 { bits.next() }

  /// A uniform number in a range.
  package mutating func uniform(_ range: ClosedRange<Double>) -> Double { .random(in: range, using: &self) }

  /// An approximately normal number: the sum of twelve uniform ones.
  package mutating func normal(mean: Double = 0, deviation: Double = 1) -> Double {
    mean + deviation * ((0..<12).reduce(-6.0) { sum, _ in sum + uniform(0...1) })
  }

  /// Several approximately normal numbers.
  package mutating func normals(_ count: Int, mean: Double = 0, deviation: Double = 1) -> [Double] {
    (0..<count).map { _ in normal(mean: mean, deviation: deviation) }
  }
}
