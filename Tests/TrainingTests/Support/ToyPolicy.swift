import FoundationEssentials
import LossKit
import LossKitSystem
import Synchronization

/// A minimal language model for tests: the probabilities of each byte, and of the end, do not depend on what precedes.
final class ToyPolicy: Policy {
  struct Options: Sendable {
    /// The maximum length of a response in bytes.
    var context = 64
  }

  static let name = "toy"
  static let summary = "Bytes drawn one by one from one distribution."
  static let defaultOptions = Options()
  static let hyperparameters: [Hyperparameter<Options>] = []
  static let columns: [Column] = [.logProbability, .tokenLogProbability]
  static let symbols = 257

  var logits: [Double]
  private var velocity: [Double]
  private var gradient: [Double]
  private var kept: [[Int]] = []

  init(logits: [Double], velocity: [Double]) {
    self.logits = logits
    self.velocity = velocity
    gradient = [Double](repeating: 0, count: Self.symbols)
  }

  static func create(options: Options, seed: UInt64) throws -> ToyPolicy {
    let logits = (0..<symbols).map { Double(($0 &* 7919 &+ Int(truncatingIfNeeded: seed)) % 101) / 200 }
    return ToyPolicy(logits: logits, velocity: [Double](repeating: 0, count: symbols))
  }

  static func load(path: String, options: Options, given: Set<String>) throws -> ToyPolicy {
    guard let data = FileManager.default.contents(atPath: "\(path)/weights"), data.count >= 2 * symbols * 8 else {
      throw Failure("toy: \(path) holds no weights")
    }
    let values = data.withUnsafeBytes { bytes in
      (0..<2 * symbols).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
    }
    return ToyPolicy(logits: Array(values[..<symbols]), velocity: Array(values[symbols...]))
  }

  /// The symbols of a response: its bytes, truncated to the context, and the end.
  private func symbols(_ texts: TextBatch, _ rank: Int, _ prompt: Int) -> [Int] {
    guard rank < texts.responseCount(ofPrompt: prompt) else { return [] }
    return texts.response(rank, ofPrompt: prompt).prefix(63).map(Int.init) + [256]
  }

  private func rows(_ texts: TextBatch) -> [[Int]] {
    (0..<texts.responseCount).flatMap { rank in (0..<texts.promptCount).map { symbols(texts, rank, $0) } }
  }

  func measure(
    _ texts: TextBatch, tokenCounts: UnsafeMutableBufferPointer<UInt32>, truncated: UnsafeMutableBufferPointer<UInt32>?
  ) throws {
    for (row, symbols) in rows(texts).enumerated() {
      tokenCounts[row] = UInt32(symbols.count)
      let rank = row / texts.promptCount
      let prompt = row % texts.promptCount
      let whole = rank < texts.responseCount(ofPrompt: prompt) ? texts.response(rank, ofPrompt: prompt).count : 0
      truncated?[row] = UInt32(max(0, whole + 1 - symbols.count))
      if symbols.count == 1 { throw Failure("the response is empty", prompt: prompt) }
    }
  }

  private var logProbabilities: [Double] {
    let highest = logits.max() ?? 0
    let total = logits.reduce(0) { $0 + exp($1 - highest) }
    return logits.map { $0 - highest - log(total) }
  }

  private static let bells = Mutex<[String: @Sendable () -> Void]>([:])

  /// A closure that runs whenever log-probabilities of responses to a prompt are requested; nil for none.
  static func hangBell(at prompt: String, _ ring: (@Sendable () -> Void)?) {
    bells.withLock { $0[prompt] = ring }
  }

  func forward(_ batch: PolicyBatch, keepingActivations: Bool) throws {
    let prompts = (0..<batch.texts.promptCount).map { String(decoding: batch.texts.prompt($0), as: UTF8.self) }
    for ring in Self.bells.withLock({ bells in prompts.compactMap { bells[$0] } }) { ring() }
    let rows = rows(batch.texts)
    let table = logProbabilities
    if let values = batch.values(of: .logProbability) {
      for (row, symbols) in rows.enumerated() { values[row] = symbols.reduce(0) { $0 + table[$1] } }
    }
    if let values = batch.values(of: .tokenLogProbability), let offsets = batch.tokenOffsets {
      for (row, symbols) in rows.enumerated() {
        for (place, symbol) in symbols.enumerated() { values[offsets[row] + place] = table[symbol] }
      }
    }
    if keepingActivations { kept = rows }
  }

  func backward(_ batch: PolicyBatch) throws {
    let probabilities = logProbabilities.map { exp($0) }
    let perResponse = batch.gradient(of: .logProbability)
    let perToken = batch.gradient(of: .tokenLogProbability)
    for (row, symbols) in kept.enumerated() {
      for (place, symbol) in symbols.enumerated() {
        let offset = batch.tokenOffsets?[row] ?? 0
        let weight = (perResponse?[row] ?? 0) + (perToken?[offset + place] ?? 0)
        gradient[symbol] += weight
        for other in 0..<Self.symbols { gradient[other] -= weight * probabilities[other] }
      }
    }
  }

  func step(_ update: PolicyUpdate) throws -> Double {
    defer { gradient = [Double](repeating: 0, count: Self.symbols) }
    let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard norm.isFinite else { throw Failure("the gradient is not finite") }
    let scale = norm > update.maxGradientNorm ? update.maxGradientNorm / norm : 1
    for index in logits.indices {
      velocity[index] = 0.9 * velocity[index] + scale * gradient[index]
      logits[index] -= update.learningRate * (velocity[index] + update.weightDecay * logits[index])
    }
    return norm
  }

  func save(to directory: String, withOptimizer: Bool) throws {
    let values = logits + (withOptimizer ? velocity : velocity.map { _ in 0 })
    let data = values.withUnsafeBytes { Data($0) }
    do {
      try data.write(to: URL(filePath: "\(directory)/weights"))
    } catch {
      throw Failure("\(directory)/weights: cannot be written: \(error)")
    }
  }

  func copy() throws -> ToyPolicy { ToyPolicy(logits: logits, velocity: velocity) }

  func blend(with source: ToyPolicy, weight: Double) throws {
    for index in logits.indices { logits[index] = weight * source.logits[index] + (1 - weight) * logits[index] }
    guard !logits.contains(where: \.isNaN) else { throw Failure("a blended weight is no number") }
  }
}
