import LossKit
import LossKitSystem

/// The angles per position that rotary embeddings turn pairs of a head's values by, with the scalings of Hugging Face's `rope_type`.
struct RotaryFrequencies: Sendable, Equatable {
  /// One angle per pair; a head's values beyond the pairs are not rotated.
  private(set) var angles: [Double]
  /// A factor on all cosines and sines.
  private(set) var factor = 1.0

  /// No rotation: a layer without positions.
  static let none = RotaryFrequencies(angles: [])

  private init(angles: [Double]) { self.angles = angles }

  /// The angles θ^(−2j/dimension) of Su et al. 2021, for the first `dimension` values of a head.
  init(theta: Double, dimension: Int) {
    angles = (0..<dimension / 2).map { pow(theta, -2 * Double($0) / Double(dimension)) }
  }

  /// Divides all angles by `factor` (`linear`).
  func scaledLinearly(by factor: Double) -> Self {
    var result = self
    result.angles = angles.map { $0 / factor }
    return result
  }

  /// Divides the angles of wavelengths beyond the trained context by `factor`, with a smooth transition (`llama3`).
  func scaledAsLlama3(by factor: Double, low: Double, high: Double, trainedContext: Double) -> Self {
    var result = self
    result.angles = angles.map { angle in
      let turns = trainedContext * angle / (2 * .pi)
      if turns < low { return angle / factor }
      if turns > high { return angle }
      let share = (turns - low) / (high - low)
      return (1 - share) * angle / factor + share * angle
    }
    return result
  }

  /// The settings of YaRN (Peng et al. 2023, arXiv:2309.00071).
  struct Yarn: Sendable, Equatable {
    var factor, trainedContext: Double
    var betaFast = 32.0, betaSlow = 1.0
    /// The factor on cosines and sines; by default 0.1 · ln(factor) + 1.
    var attentionFactor: Double?
    var isTruncated = true
  }

  /// Divides the angles of long wavelengths, with a linear transition by index, and scales cosines and sines (`yarn`).
  func scaled(by yarn: Yarn, theta: Double) -> Self {
    let dimension = Double(2 * angles.count)
    func index(turns: Double) -> Double {
      dimension * log(yarn.trainedContext / (turns * 2 * .pi)) / (2 * log(theta))
    }
    var low = index(turns: yarn.betaFast), high = index(turns: yarn.betaSlow)
    if yarn.isTruncated { (low, high) = (low.rounded(.down), high.rounded(.up)) }
    (low, high) = (max(low, 0), min(high, dimension - 1))
    if low == high { high += 0.001 }
    var result = self
    result.angles = angles.enumerated().map { j, angle in
      let ramp = min(max((Double(j) - low) / (high - low), 0), 1)
      return angle / yarn.factor * ramp + angle * (1 - ramp)
    }
    result.factor = yarn.attentionFactor ?? (yarn.factor <= 1 ? 1 : 0.1 * log(yarn.factor) + 1)
    return result
  }

  /// Divides each angle by its own factor (`longrope`).
  func scaled(by factors: [Double], attentionFactor: Double) -> Self {
    var result = self
    result.angles = zip(angles, factors).map { $0 / $1 }
    result.factor = attentionFactor
    return result
  }
}
