import LossKit

/// A seeded random number generator, xoshiro256**, with the same results on every platform and in every version.
///
/// It does not conform to `RandomNumberGenerator`, because the standard library may change how it shuffles and draws; this file fixes
/// both. Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021.
public struct RandomNumbers: Sendable, Equatable {
  /// The state, four words. A copy continues the same sequence.
  public private(set) var state: [UInt64]

  /// Creates the sequence of a seed. Each `stream` of a seed is an independent sequence.
  public init(seed: UInt64, stream: UInt64 = 0) {
    var start = SplitMix64(seed: seed)
    let offset = start.next()
    var words = SplitMix64(seed: offset ^ stream)
    state = [words.next(), words.next(), words.next(), words.next()]
  }

  /// Creates the sequence that continues from a stored state; nil unless it is four words that are not all zero.
  public init?(state: [UInt64]) {
    guard state.count == 4, state.contains(where: { $0 != 0 }) else { return nil }
    self.state = state
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    let result = rotated(state[1] &* 5, by: 7) &* 9
    let shifted = state[1] << 17
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = rotated(state[3], by: 45)
    return result
  }

  /// Returns a number in [0, 1), uniformly among 2⁵³ values.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// Returns a uniform integer in 0 ..< `bound`, or 0 if `bound` is below 1. Lemire, "Fast random integer generation in an interval",
  /// 2019.
  public mutating func integer(below bound: Int) -> Int {
    guard bound > 1 else { return 0 }
    let range = UInt64(bound)
    let unevenPart = (0 &- range) % range
    var product = next().multipliedFullWidth(by: range)
    while product.low < unevenPart {
      product = next().multipliedFullWidth(by: range)
    }
    return Int(product.high)
  }

  /// Returns the numbers 0 ..< `count` in uniformly random order.
  public mutating func permutation(of count: Int) -> [Int] {
    shuffled(Array(0..<max(count, 0)))
  }

  /// Returns the elements in uniformly random order (Fisher and Yates).
  public mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var elements = elements
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, integer(below: last + 1))
    }
    return elements
  }
}

private func rotated(_ word: UInt64, by count: UInt64) -> UInt64 {
  (word << count) | (word >> (64 - count))
}
