import CLossKit
import CLossKitKernels
import LossKit
import LossKitRuntime

/// A batch that is evaluated straight from the host's arrays into the host's arrays.
struct HostStream {
  private let bound: BoundBatch
  private let results: losskit_results
  private let evaluation: StreamedEvaluation

  /// nil where the objective or the batch calls for more than a pass over its prompts: statistics of all of them, responses of
  /// their own number, tokens, metrics.
  init?(_ bound: BoundBatch, _ results: losskit_results) throws {
    let batch = bound.batch
    guard batch.counts == nil, batch.token_offsets == nil, results.metrics == nil else { return nil }
    var gradients: UInt64 = 0
    for (index, plan) in bound.plans.enumerated() where plan.wantsGradient { gradients |= 1 << UInt64(index) }
    let evaluation = try bound.hosted.objective.streamed(
      responses: batch.responses, references: batch.references, gradients: gradients,
      wantsRewards: results.rewards.isThere)
    guard let evaluation else { return nil }
    self.evaluation = evaluation
    self.bound = bound
    self.results = results
  }

  /// The mean loss; nil where a number is not finite, so that the evaluation column by column can say which.
  func run() -> Double? {
    let prompts = bound.batch.prompts
    let factor = results.gradientFactor(prompts)
    let sum = evaluation.runAcrossThreads(
      rows: prompts,
      input: { slot in
        guard let (binding, first) = binding(slot) else { return nil }
        return column(binding.pointee.values, from: first, factor: 1)
      },
      value: { index in
        index == 0
          ? column(results.loss, from: 0, factor: 1)
          : column(results.rewards, from: (index - 1) * prompts, factor: 1)
      },
      gradient: { slot in
        guard let (binding, first) = binding(slot) else { return losskit_host_column() }
        return column(binding.pointee.gradient, from: first, factor: factor)
      })
    return sum.map { $0 / Double(prompts) }
  }

  /// The binding whose arrays hold a slot of a column, and the index of its first entry there.
  private func binding(_ slot: InputSlot) -> (UnsafePointer<losskit_column_binding>, first: Int)? {
    guard let bindings = bound.batch.columns, bound.plans[slot.column].isBound else { return nil }
    let whole = bound.plans[slot.column].whole
    if whole >= 0 { return (bindings + whole, slot.slot * bound.batch.prompts) }
    return bound.binding(of: slot.slot, of: slot.column).map { (bindings + $0, 0) }
  }

  private func column(_ array: losskit_array, from first: Int, factor: Double) -> losskit_host_column {
    losskit_host_column(
      data: array.data.map { $0 + first * array.stride }, stride: array.stride, factor: factor,
      is_float: array.type == UInt32(LOSSKIT_FLOAT32) ? 1 : 0)
  }
}

extension losskit_results {
  /// What the gradients of the sum of the losses are multiplied with.
  func gradientFactor(_ prompts: Int) -> Double { reduction == UInt32(LOSSKIT_MEAN) ? 1 / Double(prompts) : 1 }
}
