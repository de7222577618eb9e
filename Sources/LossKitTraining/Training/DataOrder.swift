/// In which order a run sees its data: every pass in an order of its own, from the run's seed alone, whatever is optimized.
final class DataOrder {
  private let seed: UInt64
  private let count: Int
  private let updateSize: Int
  /// The order of the pass that was asked for last.
  private var known: (epoch: Int, order: [Int])?

  /// The order of `count` examples. An update sees `updateSize` of them; the last one of a pass may see fewer.
  init(seed: UInt64, count: Int, updateSize: Int) {
    self.seed = seed
    self.count = count
    self.updateSize = updateSize
  }

  /// Updates a pass.
  var stepsPerEpoch: Int { max(1, (count + updateSize - 1) / updateSize) }

  /// The examples of an update, counted from 0.
  func examples(ofStep step: Int) -> [Int] {
    let start = step % stepsPerEpoch * updateSize
    return Array(order(ofEpoch: step / stepsPerEpoch)[start..<min(start + updateSize, count)])
  }

  /// Where the randomness of an update's objective comes from.
  func objectiveSeed(ofStep step: Int) -> UInt64 {
    // Even streams are orders, odd ones objectives' seeds.
    var numbers = RandomNumbers(seed: seed, stream: 2 * UInt64(step) + 1)
    return numbers.next()
  }

  /// Where the randomness of evaluations comes from: always the same, so that they can be compared.
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
