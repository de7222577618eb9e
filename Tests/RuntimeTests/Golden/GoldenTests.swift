import LossKit
import LossKitTestSupport
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
    #expect(GoldenSet.names.count == 19)
  }

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
        if let state = record.state {
          #expect(
            worstError(found.state, state, scale: 1e-300) < 1e-10, "\(set) \(record.inputs): state \(found.state)")
        }
      }
    }
  }

  struct Sum {
    var loss: [Double]
    var gradient: [Double]
    var state: [Double] = []
  }

  /// The losses and gradients by policy_logp of all objectives of a record, added.
  private func evaluate(_ record: GoldenSet.Record, _ batch: Batch, isFused: Bool) throws -> Sum {
    var sum = Sum(
      loss: Array(repeating: 0, count: batch.prompts), gradient: Array(repeating: 0, count: 2 * batch.prompts))
    for text in record.objectives {
      let whole = try Objective(text, in: registry)
      let objective = isFused ? whole : try whole.unfused()
      #expect(objective.isFused == isFused)
      sum.state = objective.initialState
      let evaluation = try objective.evaluate(batch, state: &sum.state)
      let gradient = try #require(evaluation.gradients["policy_logp"])
      sum.loss = zip(sum.loss, evaluation.loss).map(+)
      sum.gradient = zip(sum.gradient, gradient).map(+)
    }
    return sum
  }
}

/// What a record says beside what was found.
private struct GoldenComparison {
  static let relative = 1e-10
  private var pairs: [(what: String, found: Double, expected: Double)] = []

  init(_ record: GoldenSet.Record, _ found: GoldenTests.Sum, _ batch: Batch) {
    let count = Double(batch.prompts)
    if let loss = record.loss { pairs.append(("loss", pairwiseSum(found.loss[...]) / count, loss)) }
    for (index, expected) in (record.prompts ?? []).enumerated() {
      pairs.append(("loss of \(index)", found.loss[index], expected))
    }
    let scale = record.of == "mean" ? count : 1
    let ties = Self.ties(record, batch)
    for (indices, what) in ties {
      let total = indices.reduce(0) { $0 + found.gradient[$1] } / scale
      pairs.append((what, total, indices.reduce(0) { $0 + record.gradient[$1] }))
    }
  }

  /// The entries of the gradient that are compared as a sum: each alone; under a sort, those of pairs with the same margin,
  /// among which a library may order as it likes.
  private static func ties(_ record: GoldenSet.Record, _ batch: Batch) -> [(indices: [Int], what: String)] {
    let isSorted = record.objectives.contains { $0.contains("aot(") }
    guard isSorted, let values = batch.columns["policy_logp"] else {
      return record.gradient.indices.map { ([$0], "gradient \($0)") }
    }
    let groups = Dictionary(grouping: 0..<batch.prompts) { values[$0] - values[batch.prompts + $0] }
    return groups.values.flatMap { prompts in
      [
        (prompts, "chosen gradient of \(prompts)"),
        (prompts.map { $0 + batch.prompts }, "rejected gradient of \(prompts)"),
      ]
    }
  }

  /// Below the smallest normal number PyTorch rounds to 0; no other absolute error is granted.
  private func error(_ found: Double, _ expected: Double) -> Double {
    abs(found - expected) < .leastNormalMagnitude ? 0 : relativeError(found, expected, scale: 0)
  }

  var worstRelativeError: Double { pairs.map { error($0.found, $0.expected) }.max() ?? 0 }
  var isClose: Bool { worstRelativeError <= Self.relative }
  var summary: String {
    let worst = pairs.max { error($0.found, $0.expected) < error($1.found, $1.expected) }
    return worst.map { "\($0.what): \($0.found), not \($0.expected)" } ?? "nothing to compare"
  }
}
