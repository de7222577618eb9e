/// The order in which a run sees its data. Each pass has its own order, which depends on the run's seed alone, not on the objective.
final class DataOrder {
  private let seed: UInt64
  private let count: Int
  private let updateSize: Int
  /// The most recently used order.
  private var known: (epoch: Int, order: [Int])?

  /// Creates the order of `count` examples. An update sees `updateSize` of them; the last one of a pass may see fewer.
  init(seed: UInt64, count: Int, updateSize: Int) {
    self.seed = seed
    self.count = count
    self.updateSize = updateSize
  }

  /// The number of updates per pass.
  var stepsPerEpoch: Int { max(1, (count + updateSize - 1) / updateSize) }

  /// The examples of an update, which is counted from 0.
  func examples(ofStep step: Int) -> [Int] {
    let start = step % stepsPerEpoch * updateSize
    return Array(order(ofEpoch: step / stepsPerEpoch)[start..<min(start + updateSize, count)])
  }

  /// The seed of the objective's random numbers in an update.
  func objectiveSeed(ofStep step: Int) -> UInt64 {
    // Even streams are for orders, odd ones for the objective's seeds.
    var numbers = RandomNumbers(seed: seed, stream: 2 * UInt64(step) + 1)
    return numbers.next()
  }

  /// The seed of the random numbers in evaluations, constant so that evaluations are comparable.
  var evaluationSeed: UInt64 {
    var numbers = RandomNumbers(seed: seed, stream: .max)
    return numbers.next()
  }

  private func order(ofEpoch epoch: Int) -> [Int] {
    if let known, known.epoch == epoch { return known.order }
    var numbers = RandomNumbers(seed: seed, stream: 2 * UInt64(epoch))
    let order = numbers.permutation(of: count)
    known = (epoch, order)
    return order
  }
}
