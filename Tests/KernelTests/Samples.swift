import LossKit

/// Numbers that cover every range of a function, equal in each run.
struct Samples {
  private var bits: SplitMix64

  init(seed: UInt64) { bits = SplitMix64(seed: seed) }

  private mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * (Double(bits.next() >> 11) * 0x1p-53)
  }

  /// Zeros, ones, infinities, NaN, subnormals, and points where exp, expm1, log1p and tanh change their behavior.
  static let special: [Double] = {
    let positive: [Double] = [
      0, 0x1p-1074, 0x1p-1030, 0x1p-1022, 1e-300, 1e-20, 1e-17, 1e-10, 1e-5, 0.5, 0.6931471805599453,
      0.6931471805599454,
      0.9999999999999999, 1, 1.5, 3, 18.5, 19.5, 22, 36.7, 37.5, 40, 708, 708.5, 709, 709.78, 709.79, 744.4, 745, 745.2,
      1000, 1e15, 1e16, 1e17, 1e300, 1.7976931348623157e308, .infinity,
    ]
    return positive + positive.map { -$0 } + [.nan]
  }()

  /// The special numbers shuffled among `count` others: random bits, in [-1, 1], [-40, 40] and [-800, 800], and tiny.
  mutating func column(_ count: Int) -> [Double] {
    var column = Samples.special
    for index in 0..<count {
      switch index % 5 {
      case 0: column.append(Double(bitPattern: bits.next()))
      case 1: column.append(uniform(-1...1))
      case 2: column.append(uniform(-40...40))
      case 3: column.append(uniform(-800...800))
      default: column.append(uniform(-1...1) * Double(sign: .plus, exponent: -Int(bits.next() % 100), significand: 1))
      }
    }
    for index in column.indices { column.swapAt(index, Int(bits.next() % UInt64(index + 1))) }
    return column
  }
}
