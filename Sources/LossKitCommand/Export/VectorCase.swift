import LossKitRuntime
import LossKitTraining

/// A test batch before its columns are made: the policy's log-ratios and the lengths of responses.
struct VectorCase {
  let name: String
  /// What is tested, in a sentence.
  let about: String
  /// By prompt and response, best first: log π − log π_ref in nats, equal for all references.
  let logRatios: [[Double]]
  /// By prompt and response: the number of tokens.
  let tokenCounts: [[Double]]
  /// Whether the state is that after the first case, instead of the initial one.
  var followsFirst = false

  /// A case with one length for all responses.
  init(_ name: String, _ about: String, logRatios: [[Double]], tokens: Double = 1) {
    self.init(name, about, logRatios: logRatios, tokenCounts: logRatios.map { $0.map { _ in tokens } })
  }

  init(_ name: String, _ about: String, logRatios: [[Double]], tokenCounts: [[Double]]) {
    self.name = name
    self.about = about
    self.logRatios = logRatios
    self.tokenCounts = tokenCounts
  }
}

extension VectorCase {
  /// The cases of an objective: ordinary batches, kinks, extremes, short and long responses, and rankings of mixed lengths.
  static func all(for objective: Objective) -> [VectorCase] {
    // Pairs, if the objective takes them.
    let count = min(max(objective.responses.lowerBound, 2), objective.responses.upperBound)
    var cases = [ordinary("ordinary", "seeded log-ratios within ±3 nats", count: count, stream: 1)]
    if !objective.initialState.isEmpty {
      var next = ordinary(
        "next-batch", "another batch, with the state after the case 'ordinary'", count: count, stream: 2)
      next.followsFirst = true
      cases.append(next)
    }
    cases += kinks(count: count, strength: objective.rewardScale)
    cases += extremes(count: count)
    cases += lengths(count: count)
    if objective.responses.lowerBound < objective.responses.upperBound { cases.append(mixed(objective.responses)) }
    return cases
  }

  private static func ordinary(_ name: String, _ about: String, count: Int, stream: UInt64) -> VectorCase {
    var random = RandomNumbers(seed: 7, stream: stream)
    let counts = [Int](repeating: count, count: 12)
    let ratios = counts.map { count in (0..<count).map { _ in dyadic(6 * random.uniform() - 3) } }
    let tokens = counts.map { count in (0..<count).map { _ in Double(1 + random.integer(below: 40)) } }
    return VectorCase(name, about, logRatios: ratios, tokenCounts: tokens)
  }

  /// The points where losses have kinks, optima or branches: 0, and the targets that β sets.
  private static func kinks(count: Int, strength: Double) -> [VectorCase] {
    var cases = [
      VectorCase(
        "at-reference", "the policy equals the reference: every log-ratio is 0",
        logRatios: [[Double](repeating: 0, count: count)]),
      VectorCase(
        "zero-margin", "all responses have one log-ratio: every margin is 0",
        logRatios: [-2, 0.5, 3].map { [Double](repeating: $0, count: count) }),
    ]
    let target = 1 / (2 * strength)
    guard target.isFinite, target > 0, target < 1e6 else { return cases }
    let sides = [("target-margin", target / 2, "1/(2β)"), ("calibration-target", target, "1/β")]
    for (name, half, text) in sides {
      let ranked = (0..<count).map { count == 1 ? half : half - 2 * half * Double($0) / Double(count - 1) }
      cases.append(
        VectorCase(
          name, "the best response is \(text) above the last one, the middle of them at the reference; and reversed",
          logRatios: [ranked, ranked.map { -$0 }]))
    }
    return cases
  }

  private static func extremes(count: Int) -> [VectorCase] {
    [10.0, 1000].map { size in
      let ratios = [(size, size), (size, -size), (-size, size), (-size, -size), (size, 0), (0, -size)].map { ends in
        (0..<count).map { $0 == 0 ? ends.0 : $0 == count - 1 ? ends.1 : 0 }
      }
      let text = "\(Int(size))"
      return VectorCase(
        "extreme-\(text)", "log-ratios of ±\(text) nats, in all combinations of sign", logRatios: ratios)
    }
  }

  private static func lengths(count: Int) -> [VectorCase] {
    let ratios = [0.75, -0.5].map { first in (0..<count).map { first - Double($0) / 4 } }
    return [
      VectorCase("one-token", "responses of one token", logRatios: ratios, tokens: 1),
      VectorCase(
        "many-tokens", "responses of 4096 tokens, 64 where a column is per token", logRatios: ratios, tokens: 4096),
    ]
  }

  private static func mixed(_ range: ClosedRange<Int>) -> VectorCase {
    var random = RandomNumbers(seed: 7, stream: 3)
    let counts = [2, 4, 3, 1, 5].map { min(max($0, range.lowerBound), range.upperBound) }
    let ratios = counts.map { count in (0..<count).map { _ in dyadic(4 * random.uniform() - 2) } }
    let tokens = counts.map { count in (0..<count).map { _ in Double(1 + random.integer(below: 20)) } }
    return VectorCase("mixed-lengths", "rankings of different length", logRatios: ratios, tokenCounts: tokens)
  }

  /// The nearest multiple of 2⁻²⁰, which stays exact when a reference is added and subtracted again.
  private static func dyadic(_ value: Double) -> Double { (value * 0x1p20).rounded() * 0x1p-20 }
}
