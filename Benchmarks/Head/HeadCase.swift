import LossKit
import LossKitHead
import LossKitLogits
import LossKitRuntime

/// Hidden states, a head and labels whose numbers depend only on their index, and DPO over them.
///
/// Half of the sequences are chosen, half rejected. Rows are in the order of pairs, so that LossKit computes a pair's loss
/// while its logits are in memory. The peers have all chosen sequences first, and the results are written in that order.
final class HeadCase {
  private let objective: Objective
  private let pairs, tokens, vocabulary, size: Int
  private let labels: TokenLabels
  private let hidden, weight, hiddenGradient, weightGradient: UnsafeMutableBufferPointer<Float>
  private let memory: LinearHeadMemory
  private var loss = 0.0

  /// β is 0.01, the reference's log-probabilities are 0.
  init(sequences: Int, tokens: Int, vocabulary: Int, size: Int, registry: PluginRegistry) throws {
    objective = try Objective("dpo(beta=0.01)", in: registry)
    memory = try LinearHeadMemory()
    pairs = sequences / 2
    (self.tokens, self.vocabulary, self.size) = (tokens, vocabulary, size)
    let rows = sequences * tokens
    hidden = .allocate(capacity: rows * size)
    weight = .allocate(capacity: vocabulary * size)
    hiddenGradient = .allocate(capacity: rows * size)
    weightGradient = .allocate(capacity: vocabulary * size)
    var classes = [Int32](repeating: 0, count: rows)
    for row in 0..<rows {
      let place = Self.place(ofRow: row, pairs: pairs, tokens: tokens)
      classes[row] = Int32(mixed(UInt32(place), stream: 4) % UInt32(vocabulary))
      for column in 0..<size {
        hidden.initializeElement(
          at: row * size + column, to: uniform(UInt32(place * size + column), stream: 5, from: -1, width: 2))
      }
    }
    for index in 0..<vocabulary * size {
      weight.initializeElement(at: index, to: uniform(UInt32(index), stream: 6, from: -0.0625, width: 0.125))
    }
    labels = try TokenLabels(classes)
  }

  deinit { for memory in [hidden, weight, hiddenGradient, weightGradient] { memory.deallocate() } }

  /// Where a row stands among those of the peers.
  private static func place(ofRow row: Int, pairs: Int, tokens: Int) -> Int {
    let sequence = row / tokens
    return (sequence / 2 + sequence % 2 * pairs) * tokens + row % tokens
  }

  /// What is timed: log-probabilities, loss, gradients of the hidden states and of the weights.
  func call() throws {
    guard let hidden = hidden.baseAddress, let weight = weight.baseAddress,
      let hiddenGradient = hiddenGradient.baseAddress, let weightGradient = weightGradient.baseAddress
    else { return }
    // Memory is first touched here, so that it counts for the call, as it does for the peers.
    self.hiddenGradient.initialize(repeating: 0)
    self.weightGradient.initialize(repeating: 0)
    loss = 0
    let head = try LinearHead(weight: weight, vocabularySize: vocabulary, hiddenSize: size)
    _ = try head.evaluate(
      hidden, labels: labels, groups: (0...pairs).map { $0 * 2 * tokens }, toHidden: hiddenGradient,
      toWeight: weightGradient, memory: memory, loss: slopes)
  }

  /// The gradient of DPO's mean over all pairs, for the rows of some of them.
  private func slopes(_ rows: Range<Int>, _ scores: LogProbabilities) throws -> LogProbabilityCotangent {
    let values = scores.values, count = rows.count / (2 * tokens)
    func sum(_ sequence: Int) -> Double {
      let start = rows.lowerBound + sequence * tokens
      return values[start..<start + tokens].reduce(0, +)
    }
    let sums = (0..<count).map { sum(2 * $0) } + (0..<count).map { sum(2 * $0 + 1) }
    var state: [Double] = []
    let evaluation = try objective.evaluate(
      Batch(
        prompts: count,
        columns: ["policy_logp": sums, "reference_logp": [Double](repeating: 0, count: sums.count)]),
      state: &state)
    loss += evaluation.loss.reduce(0, +) / Double(pairs)
    let gradient = evaluation.gradients["policy_logp"] ?? []
    return LogProbabilityCotangent(
      rows.indices.map { row in
        let sequence = (row - rows.lowerBound) / tokens
        return gradient[sequence / 2 + sequence % 2 * count] / Double(pairs)
      })
  }

  /// The loss, and some rows of both gradients.
  var results: [Double] {
    var rowOfPlace = [Int](repeating: 0, count: 2 * pairs * tokens)
    for row in rowOfPlace.indices { rowOfPlace[Self.place(ofRow: row, pairs: pairs, tokens: tokens)] = row }
    func sampled(_ matrix: UnsafeMutableBufferPointer<Float>, _ rows: [Int]) -> [Double] {
      stride(from: 0, to: rows.count, by: max(1, rows.count / 8)).flatMap { index in
        matrix[rows[index] * size..<(rows[index] + 1) * size].map(Double.init)
      }
    }
    return [loss] + sampled(hiddenGradient, rowOfPlace) + sampled(weightGradient, Array(0..<vocabulary))
  }
}

/// 32 bits for an index, as in drivers/inputs.h.
private func mixed(_ index: UInt32, stream: UInt32) -> UInt32 {
  var x = (index ^ (stream &* 0x9E37_79B9)) &* 0x85EB_CA6B
  x = (x ^ (x >> 13)) &* 0xC2B2_AE35
  x = (x ^ (x >> 16)) &* 0x27D4_EB2F
  return x ^ (x >> 15)
}

private func uniform(_ index: UInt32, stream: UInt32, from low: Double, width: Double) -> Float {
  Float(low + width * (Double(mixed(index, stream: stream) >> 8) * 0x1p-24))
}
