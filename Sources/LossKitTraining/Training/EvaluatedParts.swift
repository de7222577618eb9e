import LossKit
import LossKitRuntime

/// Combines the separately evaluated parts of a batch, so that metrics do not depend on how the batch was split.
struct EvaluatedParts {
  private let batch: ExampleBatch
  private var table: Batch?
  private var evaluation: Evaluation?
  private var start = 0

  /// Creates an empty collection for a batch.
  init(of batch: ExampleBatch) {
    self.batch = batch
  }

  /// Adds the next part; parts are added in order.
  mutating func add(_ part: ExampleBatch, _ partTable: Batch, _ partEvaluation: Evaluation) {
    var table =
      self.table
      ?? Batch(
        prompts: batch.examples.count, responses: batch.layout.responses, references: partTable.references,
        counts: batch.counts)
    var evaluation = self.evaluation ?? partEvaluation
    if start == 0 {
      evaluation.gradients = [:]
      evaluation.loss = [Double](repeating: 0, count: batch.layout.count(of: .prompt))
      evaluation.reward = partEvaluation.reward.isEmpty ? [] : zeros
    }
    let prompts = part.examples.indices.map { ($0, start + $0) }
    func copy(_ values: [Double], to whole: inout [Double], _ extent: Column.Extent) {
      part.layout.copy(values, to: &whole, in: batch.layout, extent: extent, prompts: prompts)
    }
    copy(partEvaluation.loss, to: &evaluation.loss, .prompt)
    if !partEvaluation.reward.isEmpty { copy(partEvaluation.reward, to: &evaluation.reward, .response) }
    for name in [Column.logProbability.name, Column.label.name] {
      guard let values = partTable.columns[name] else { continue }
      copy(values, to: &table.columns[name, default: zeros], .response)
    }
    self.table = table
    self.evaluation = evaluation
    start += part.examples.count
  }

  /// The whole batch with what metrics read; nil if no part was added.
  var whole: (Batch, Evaluation)? {
    guard let table, let evaluation else { return nil }
    return (table, evaluation)
  }

  private var zeros: [Double] { [Double](repeating: 0, count: batch.layout.count(of: .response)) }
}
