import LossKit

/// Random numbers from a seed: xoshiro256**, the same on every platform and in every version.
///
/// It does not conform to `RandomNumberGenerator`, because the standard library may change how it shuffles and draws; the
/// draws here are fixed by this file. Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021.
public struct RandomNumbers: Sendable, Equatable {
  /// The whole state, four words; a copy of it continues the same sequence.
  public private(set) var state: [UInt64]

  /// The sequence of a seed; each `stream` of one seed is a sequence of its own.
  public init(seed: UInt64, stream: UInt64 = 0) {
    var start = SplitMix64(seed: seed)
    let offset = start.next()
    var words = SplitMix64(seed: offset ^ stream)
    state = [words.next(), words.next(), words.next(), words.next()]
  }

  /// The sequence that continues from a stored state, or nil where it is not four words, or all of them are zero.
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

  /// A number in [0, 1), one of 2⁵³ that are equally likely.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// An integer in 0 ..< `bound`, all equally likely; 0 where `bound` is below 1. Lemire, "Fast random integer
  /// generation in an interval", 2019.
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

  /// The numbers 0 ..< `count` in random order, every order equally likely.
  public mutating func permutation(of count: Int) -> [Int] {
    shuffled(Array(0..<max(count, 0)))
  }

  /// The elements in random order, every order equally likely (Fisher and Yates).
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
