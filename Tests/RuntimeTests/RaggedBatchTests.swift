import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Batches whose responses stand prompt by prompt.
@Suite struct RaggedBatchTests {
  /// The rows of some rankings, in the order of a ragged batch.
  private static let counts = [2, 5, 3, 2, 2, 5, 4]
  private static let rows = counts.enumerated().flatMap { prompt, count in (0..<count).map { (prompt, rank: $0) } }

  private func batch(_ objective: Objective, isRagged: Bool) -> Batch {
    var numbers = SeededNumbers(seed: 5)
    let prompts = Self.counts.count
    let lengths = Self.rows.map { 1 + ($0 + 2 * $1) % 3 }
    var batch = Batch(
      prompts: prompts, responses: 5, references: 1, counts: Self.counts.map(UInt32.init), isRagged: isRagged)
    let rowCount = batch.withShape(\.rows)
    var lengthOfRow = [Int](repeating: 0, count: rowCount)
    for ((prompt, rank), length) in zip(Self.rows, lengths) {
      lengthOfRow[batch.withShape { $0.row(rank, ofPrompt: prompt) }] = length
    }
    batch.tokenOffsets = lengthOfRow.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    for column in objective.columns {
      var values = [Double](repeating: 0, count: batch.count(of: column))
      for ((prompt, rank), length) in zip(Self.rows, lengths) {
        for entry in batch.withShape({ $0.entries(per: column.extent, rank: rank, prompt: prompt) }) {
          values[entry] = column.name == Column.tokenCount.name ? Double(length) : numbers.normal() - 3
        }
      }
      batch.columns[column.name] = values
    }
    return batch
  }

  /// The entries of a column in the order of a ragged batch.
  private func entries(_ values: [Double], per extent: Column.Extent, of batch: Batch) -> [Double] {
    Self.rows.flatMap { prompt, rank in
      batch.withShape { Array(values[$0.entries(per: extent, rank: rank, prompt: prompt)]) }
    }
  }

  /// With formulas and with plugin functions.
  @Test(arguments: [
    "plackett-luce", "plackett-luce + 0.5*sft(per=batch-token)", "rs-dpo", "info-nca @ length-desensitized",
  ])
  func resultsAreThoseOfARankMajorBatch(text: String) throws {
    let fused = try Objective(text, in: BuiltPlugins.registry())
    for objective in [fused, try fused.unfused()] {
      let (padded, ragged) = (batch(objective, isRagged: false), batch(objective, isRagged: true))
      var state = objective.initialState
      let expected = try objective.evaluate(padded, state: &state)
      let found = try objective.evaluate(ragged, state: &state)
      #expect(found.loss == expected.loss)
      #expect(found.reward.count == Self.rows.count)
      #expect(found.reward == entries(expected.reward, per: .response, of: padded))
      for column in objective.columns where column.isDifferentiable {
        let (one, other) = (found.gradients[column.name] ?? [], expected.gradients[column.name] ?? [])
        #expect(!one.isEmpty && one == entries(other, per: column.extent, of: padded))
      }
      #expect(try objective.metrics(ragged, found) == objective.metrics(padded, expected))
    }
  }

  @Test func failuresNameThePromptOfTheBatch() throws {
    let fused = try Objective("plackett-luce", in: BuiltPlugins.registry())
    for objective in [fused, try fused.unfused()] {
      var ragged = batch(objective, isRagged: true)
      // The third response of the third prompt.
      ragged.columns["policy_logp"]?[9] = 1.7e308
      ragged.columns["reference_logp"]?[9] = -1.7e308
      var state: [Double] = []
      let failure = #expect(throws: Failure.self) { try objective.evaluate(ragged, state: &state) }
      #expect(failure?.prompt == 2, "\(failure?.message ?? "")")
    }
  }
}
