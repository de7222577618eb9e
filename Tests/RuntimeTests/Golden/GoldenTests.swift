import Foundation
import LossKit
import LossKitTestSupport
import Synchronization
import Testing

@testable import LossKitRuntime

/// Published numbers of the authors' code, TRL and Liger-Kernel, through objectives resolved by name from the built plugins.
@Suite struct GoldenTests {
  let registry: PluginRegistry
  let inputs: GoldenInputs

  init() throws {
    registry = try BuiltPlugins.registry()
    inputs = try GoldenInputs()
  }

  @Test func everyPublishedSetIsThere() {
    #expect(GoldenSet.names.count == 47)
  }

  /// With LOSSKIT_GOLDEN_ERRORS=FILE in the environment, the error of each record is appended to the file: set, loss, parameterization,
  /// relative errors of losses and of gradients.
  @Test(arguments: GoldenSet.names)
  func lossesAndGradientsAgreeFusedAndUnfused(set: String) throws {
    for record in try GoldenSet.read(set).records {
      let batch = try inputs.batch(record.inputs)
      for isFused in [true, false] {
        let found = try evaluate(record, batch, isFused: isFused)
        let comparison = GoldenComparison(record, found, batch)
        #expect(
          comparison.isClose,
          "\(set) \(record.name ?? record.inputs) \(record.objectives) \(isFused ? "fused" : "unfused"): \(comparison.summary)"
        )
        if isFused { try ErrorLog.append(set, record, comparison) }
        if let state = record.state {
          #expect(
            worstError(found.state, state, scale: 1e-300) < 1e-10, "\(set) \(record.inputs): state \(found.state)")
        }
      }
    }
  }

  struct Sum {
    var loss: [Double]
    var gradients: [String: [Double]] = [:]
    var state: [Double] = []
  }

  /// The sum of losses and gradients of a record's objectives.
  private func evaluate(_ record: GoldenSet.Record, _ batch: Batch, isFused: Bool) throws -> Sum {
    var sum = Sum(loss: Array(repeating: 0, count: batch.prompts))
    for text in record.objectives {
      let whole = try Objective(text, in: registry)
      let objective = isFused ? whole : try whole.unfused()
      #expect(objective.isFused == isFused)
      sum.state = record.before ?? objective.initialState
      let evaluation = try objective.evaluate(batch, state: &sum.state)
      sum.loss = zip(sum.loss, evaluation.loss).map(+)
      for name in record.gradients.keys {
        let gradient = try #require(evaluation.gradients[name])
        sum.gradients[name] = sum.gradients[name].map { zip($0, gradient).map(+) } ?? gradient
      }
    }
    return sum
  }
}

/// The expected values of a record with the computed ones.
private struct GoldenComparison {
  static let relative = 1e-10
  private var pairs: [(what: String, found: Double, expected: Double)] = []
  private var lossCount = 0
  private let absolute: Double

  init(_ record: GoldenSet.Record, _ found: GoldenTests.Sum, _ batch: Batch) {
    // Below the smallest normal number PyTorch rounds to 0; no other absolute error is allowed unless the record states one.
    absolute = record.absolute ?? .leastNormalMagnitude
    let count = Double(batch.prompts)
    if let loss = record.loss { pairs.append(("loss", pairwiseSum(found.loss) / count, loss)) }
    for (index, expected) in (record.prompts ?? []).enumerated() {
      if let expected { pairs.append(("loss of \(index)", found.loss[index], expected)) }
    }
    lossCount = pairs.count
    let scale = record.of == "mean" ? count : 1
    for (name, gradient) in record.gradients {
      for (indices, what) in Self.ties(record, batch, count: gradient.count) {
        let expected = indices.compactMap { gradient[$0] }
        guard expected.count == indices.count, let own = found.gradients[name] else { continue }
        let total = indices.reduce(0) { $0 + own[$1] } / scale
        pairs.append(("\(name): \(what)", total, expected.reduce(0, +)))
      }
    }
  }

  /// The groups of gradient entries that are compared by their sum: single entries or, under a sort, those of equal values, among which a
  /// library may order as it likes.
  private static func ties(
    _ record: GoldenSet.Record, _ batch: Batch, count: Int
  ) -> [(indices: [Int], what: String)] {
    let text = record.objectives.joined()
    let isSorted = (paired: text.contains("aot("), unpaired: text.contains("aot-unpaired("))
    guard isSorted.paired || isSorted.unpaired, let policy = batch.columns["policy_logp"],
      let reference = batch.columns["reference_logp"]
    else { return (0..<count).map { ([$0], "gradient \($0)") } }
    let keys = policy.indices.map { row in
      let prompt = row % batch.prompts
      let margin = isSorted.paired ? policy[prompt] - policy[batch.prompts + prompt] : 0
      return (margin, isSorted.unpaired ? policy[row] - reference[row] : 0)
    }
    let groups = Dictionary(grouping: 0..<count) { "\($0 / batch.prompts) \(keys[$0])" }
    return groups.values.map { ($0, "gradient of \($0)") }
  }

  private func error(_ found: Double, _ expected: Double) -> Double {
    abs(found - expected) < absolute ? 0 : relativeError(found, expected, scale: 0)
  }

  var worstLossError: Double { pairs.prefix(lossCount).map { error($0.found, $0.expected) }.max() ?? 0 }
  var worstGradientError: Double { pairs.dropFirst(lossCount).map { error($0.found, $0.expected) }.max() ?? 0 }
  var worstRelativeError: Double { pairs.map { error($0.found, $0.expected) }.max() ?? 0 }
  var isClose: Bool { worstRelativeError <= Self.relative }
  var summary: String {
    let worst = pairs.max { error($0.found, $0.expected) < error($1.found, $1.expected) }
    return worst.map { "\($0.what): \($0.found), not \($0.expected)" } ?? "nothing to compare"
  }
}

/// The file for the errors of comparisons, if the environment names one.
private enum ErrorLog {
  private static let path = ProcessInfo.processInfo.environment["LOSSKIT_GOLDEN_ERRORS"]
  private static let lock = Mutex(())

  static func append(_ set: String, _ record: GoldenSet.Record, _ comparison: GoldenComparison) throws {
    guard let path else { return }
    let fields = [
      set, record.objectives.joined(separator: " & "), "\(comparison.worstLossError)",
      "\(comparison.worstGradientError)", record.absolute.map { "\($0)" } ?? "0",
    ]
    let line = Data((fields.joined(separator: "\t") + "\n").utf8)
    try lock.withLock { _ in
      if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(fileURLWithPath: path)) }
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: line)
      try file.close()
    }
  }
}
