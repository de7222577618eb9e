import CLossKit
import CLossKitKernels
import LossKit
import LossKitRuntime

/// The host's arrays as the columns of an evaluation.
struct HostColumns: BatchColumns {
  let bound: BoundBatch
  let results: losskit_results
  /// Where the losses, and behind them the rewards, go as doubles before they go to the host's arrays; nil: straight to these.
  let values: UnsafeMutablePointer<Double>?

  func input(_ column: Int, first: Int) -> losskit_host_column? {
    binding(column, first).map { self.column($0.pointee.values, from: $1, factor: 1) }
  }

  func cotangent(first: Int) -> losskit_host_column? { nil }

  func value(first: Int) -> losskit_host_column {
    let prompts = bound.batch.prompts
    if let values {
      return losskit_host_column(
        data: values + first, stride: MemoryLayout<Double>.stride, rank_stride: MemoryLayout<Double>.stride * prompts,
        factor: 1, is_float: 0)
    }
    return first == 0
      ? column(results.loss, from: 0, factor: 1) : column(results.rewards, from: first - prompts, factor: 1)
  }

  func gradient(_ column: Int, first: Int) -> losskit_host_column {
    guard let (binding, first) = binding(column, first) else { return losskit_host_column() }
    return self.column(binding.pointee.gradient, from: first, factor: results.gradientFactor(bound.batch.prompts))
  }

  /// The binding whose arrays hold an entry of a column, and the entry's index there.
  private func binding(_ column: Int, _ first: Int) -> (UnsafePointer<losskit_column_binding>, first: Int)? {
    guard let bindings = bound.batch.columns, bound.plans[column].isBound else { return nil }
    let whole = bound.plans[column].whole
    if whole >= 0 { return (bindings + whole, first) }
    let length = max(bound.extent(of: bound.hosted.columns[column]).length, 1)
    return bound.binding(of: first / length, of: column).map { (bindings + $0, first % length) }
  }

  private func column(_ array: losskit_array, from first: Int, factor: Double) -> losskit_host_column {
    losskit_host_column(
      data: array.data.map { $0 + first * array.stride }, stride: array.stride,
      rank_stride: array.stride * bound.batch.prompts, factor: factor,
      is_float: array.type == UInt32(LOSSKIT_FLOAT32) ? 1 : 0)
  }
}

extension losskit_results {
  /// What the gradients of the sum of the losses are multiplied with.
  func gradientFactor(_ prompts: Int) -> Double { reduction == UInt32(LOSSKIT_MEAN) ? 1 / Double(prompts) : 1 }
}
