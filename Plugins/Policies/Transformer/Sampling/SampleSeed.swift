import LossKit

/// The random numbers of one response, a function of the seed, the prompt's number and the response's.
struct SampleSeed {
  private let key: UInt64

  init(_ seed: UInt64, prompt: UInt64, number: Int) {
    key = SplitMix64.element(UInt64(number), ofSeed: SplitMix64.element(prompt, ofSeed: seed))
  }

  /// A number in [0, 1) for the token at `step`.
  func fraction(_ step: Int) -> Double { Double(SplitMix64.element(UInt64(step), ofSeed: key) >> 11) * 0x1p-53 }
}
