import LossKit
import LossKitLogits

/// All levels; one that this processor lacks is replaced by its best.
let levels: [Int32] = [1, 2, 3]

/// Reproducible numbers.
struct LogitSamples {
  private var bits: SplitMix64

  init(seed: UInt64) { bits = SplitMix64(seed: seed) }

  /// In 0 ..< 1.
  mutating func unit() -> Double { Double(bits.next() >> 11) * 0x1p-53 }

  mutating func symmetric(_ scale: Double) -> Double { scale * (2 * unit() - 1) }

  mutating func row(_ count: Int, scale: Double) -> [Double] { (0..<count).map { _ in symmetric(scale) } }

  mutating func rows(_ count: Int, columns: Int, scale: Double) -> [[Double]] {
    (0..<count).map { _ in row(columns, scale: scale) }
  }

  mutating func labels(_ count: Int, below limit: Int) -> [Int32] {
    (0..<count).map { _ in Int32(Double(limit) * unit()) }
  }

  mutating func cotangent(_ count: Int, divergences: Bool = true) -> LogProbabilityCotangent {
    LogProbabilityCotangent(
      row(count, scale: 1), entropies: row(count, scale: 1), logCollisions: row(count, scale: 1),
      divergences: divergences ? row(count, scale: 1) : [])
  }
}

/// Rows that are hard to sum: equal logits, logits far apart, one finite logit, the largest first, last or in the middle.
func adversarialRows(columns: Int) -> [[Double]] {
  let middle = columns / 2
  func row(_ value: (Int) -> Double) -> [Double] { (0..<columns).map(value) }
  return [
    row { _ in 0 }, row { _ in 1e4 }, row { _ in -1e4 }, row { $0 % 2 == 0 ? 1e4 : -1e4 },
    row { $0 == 0 ? 1e4 : 0 }, row { $0 == middle ? 30 : 0 }, row { $0 == columns - 1 ? 20 : -20 },
    row { $0 == middle ? 5 : -.infinity }, row { $0 % 3 == 0 ? -.infinity : Double($0 % 7) },
    row { Double($0) * 20 / Double(columns) }, row { -Double($0) * 20 / Double(columns) },
    row { $0 == columns - 1 ? -1e4 : -9990 },
  ]
}
