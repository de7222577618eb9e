import LossKitSystem

/// An axis whose ends and ticks are round numbers, spaced by 1, 2 or 5 times a power of ten.
struct Axis: Equatable {
  /// The ends of the axis.
  let lower, upper: Double
  /// The tick values, ascending.
  let ticks: [Double]
  private let decimals: Int

  /// Creates an axis that contains all finite values, with about `count` ticks. If `tight`, it ends at the extreme values instead of
  /// ticks.
  init(holding values: some Sequence<Double>, ticks count: Int = 5, tight: Bool = false) {
    let finite = values.filter(\.isFinite)
    var low = finite.min() ?? 0
    var high = finite.max() ?? 1
    if high - low <= low.magnitude * 1e-9 {
      let half = max(low.magnitude * 0.1, 0.5)
      (low, high) = (low - half, high + half)
    }
    let step = Self.roundStep((high / Double(count) - low / Double(count)))
    guard step.isNormal, (high / step - low / step).isFinite else {
      // Too large or too small for intermediate ticks.
      (lower, upper, ticks, decimals) = (low, high, [low, high], 0)
      return
    }
    let first = tight ? (low / step).rounded(.up) : (low / step).rounded(.down)
    let last = tight ? (high / step).rounded(.down) : (high / step).rounded(.up)
    ticks = (0...max(0, Int(last - first))).map { (first + Double($0)) * step }
    lower = tight ? low : ticks.first ?? low
    upper = tight ? high : ticks.last ?? high
    decimals = max(0, -Int(log10(step).rounded(.down)))
  }

  /// The position of a value, 0 at the beginning and 1 at the end.
  func position(of value: Double) -> Double {
    upper > lower ? (value / 2 - lower / 2) / (upper / 2 - lower / 2) : 0.5
  }

  /// The text of a tick, with enough decimals to distinguish neighbors.
  func text(of tick: Double) -> String {
    if tick.magnitude >= 1e6 || decimals > 6 { return significant(tick) }
    return fixed(tick == 0 ? 0 : tick, decimals).replacingMinus
  }

  /// The smallest of 1, 2 or 5 times a power of ten that is at least `rough`.
  private static func roundStep(_ rough: Double) -> Double {
    let power = pow(10, log10(rough).rounded(.down))
    return ([1, 2, 5].first { $0 * power >= rough * (1 - 1e-9) } ?? 10) * power
  }
}

extension String {
  /// The number with a minus sign (U+2212) instead of a hyphen.
  var replacingMinus: String { hasPrefix("-") ? "−" + dropFirst() : self }
}
