import LossKit
import LossKitRuntime
import Testing

/// Metrics of batches that are added one after the other.
@Suite struct PreferenceMetricsTests {
  /// A batch of prompts with 1 to 4 responses, and numbers that no order of summation leaves the same.
  private func batch(prompts: Int, counts: (Int) -> Int) -> (Batch, Evaluation) {
    let most = (0..<prompts).map(counts).max() ?? 1
    func numbers(_ count: Int, _ seed: Int) -> [Double] {
      (0..<count).map { Double(($0 * 7919 + seed) % 1009) / 3 - 150 }
    }
    let batch = Batch(
      prompts: prompts, responses: most, counts: (0..<prompts).map { UInt32(counts($0)) },
      columns: [
        "policy_logp": numbers(prompts * most, 1), "label": (0..<prompts * most).map { $0 % 3 == 0 ? 0 : 1 },
      ])
    return (
      batch, Evaluation(loss: numbers(prompts, 2), reward: numbers(prompts * most, 3), gradients: [:])
    )
  }

  /// Some prompts of a batch, with no more room than they need.
  private func part(_ whole: (Batch, Evaluation), _ range: Range<Int>) -> (Batch, Evaluation) {
    let counts = range.map { whole.0.responseCount(ofPrompt: $0) }, most = counts.max() ?? 1
    func column(_ values: [Double]) -> [Double] {
      (0..<most).flatMap { rank in range.map { values[rank * whole.0.prompts + $0] } }
    }
    let batch = Batch(
      prompts: range.count, responses: most, counts: counts.map { UInt32($0) },
      columns: whole.0.columns.mapValues(column))
    return (batch, Evaluation(loss: Array(whole.1.loss[range]), reward: column(whole.1.reward), gradients: [:]))
  }

  @Test(arguments: [[1], [2], [1, 4, 2, 1, 3]])
  func aSplitLeavesTheMetricsAsTheyAreToTheBit(pattern: [Int]) throws {
    // The first prompts have one response each.
    let whole = batch(prompts: 100) { $0 < 10 ? pattern[0] : pattern[$0 % pattern.count] }
    var once = PreferenceMetrics.Sums(), split = PreferenceMetrics.Sums()
    try once.add(whole.0, whole.1)
    for range in [0..<10, 10..<11, 11..<64, 64..<100] {
      let part = part(whole, range)
      try split.add(part.0, part.1)
    }
    let (expected, found) = (try once.metrics(rewardScale: 0.1), try split.metrics(rewardScale: 0.1))
    #expect(found == expected)
    #expect(expected.list.count == (pattern == [1] ? 8 : 9))
  }

  @Test func aSumBeyondTheRangeOfADoubleHasNoMean() throws {
    let batch = Batch(
      prompts: 3, responses: 1, columns: ["policy_logp": [-1, -1.7e308, -1.6e308]])
    let evaluation = Evaluation(loss: [0, 0, 0], reward: [], gradients: [:])
    var sums = PreferenceMetrics.Sums()
    let failure = #expect(throws: Failure.self) { try sums.add(batch, evaluation) }
    #expect(failure?.prompt == 1)
    #expect(
      failure?.message
        == "the sum of the log-probabilities is beyond the range of a double, so that they have no mean; the largest is "
        + "-1.7e+308, of prompt 2; look at its columns")
  }

  @Test func aScaledRewardBeyondTheRangeOfADoubleIsNoMetric() throws {
    let batch = Batch(prompts: 1, columns: [:])
    var sums = PreferenceMetrics.Sums()
    try sums.add(batch, Evaluation(loss: [0], reward: [1e308, 0], gradients: [:]))
    #expect(throws: Failure.self) { try sums.metrics(rewardScale: 10) }
    #expect(try sums.metrics(rewardScale: 1)["rewards/chosen"] == 1e308)
  }

  @Test func tokenCountsAreCheckedThoughTheObjectiveDoesNotReadThem() throws {
    let objective = try Objective("dpo", in: BuiltPlugins.registry())
    var batch = Batch(
      prompts: 1, columns: ["policy_logp": [-1, -2], "reference_logp": [-1, -2], "token_count": [3, 2]])
    var state = objective.initialState
    #expect(try objective.evaluate(batch, state: &state).loss.count == 1)
    for counts in [[-3, 2], [3, 2.5], [3, .infinity]] {
      batch.columns["token_count"] = counts
      #expect(throws: Failure.self) { try objective.evaluate(batch, state: &state) }
    }
    batch.columns["token_count"] = [3, 2]
    batch.tokenOffsets = [0, 3, 6]
    let failure = #expect(throws: Failure.self) { try objective.evaluate(batch, state: &state) }
    #expect(failure?.message.contains("is 2, and the token offsets give that response 3") == true)
  }
}
