import CLossKit
import CLossKitKernels
import LossKit
import LossKitRuntime

/// The host's arrays as the columns of an evaluation.
struct HostColumns: BatchColumns {
  let bound: BoundBatch
  let results: losskit_results
  private let gradientFactor: Double

  init(_ bound: BoundBatch, _ results: losskit_results) {
    self.bound = bound
    self.results = results
    gradientFactor = results.gradientFactor(bound.batch.prompts)
  }

  func input(_ column: Int, part: Int, length: Int) -> losskit_host_column? {
    binding(column, part, length).map { self.column($0.pointee.values, from: $1, factor: 1) }
  }

  func cotangent(part: Int) -> losskit_host_column? { nil }

  func value(part: Int) -> losskit_host_column {
    part == 0
      ? column(results.loss, from: 0, factor: 1)
      : column(results.rewards, from: (part - 1) * bound.batch.prompts, factor: 1)
  }

  func gradient(_ column: Int, part: Int, length: Int) -> losskit_host_column {
    guard let (binding, first) = binding(column, part, length) else { return losskit_host_column() }
    return self.column(binding.pointee.gradient, from: first, factor: gradientFactor)
  }

  /// The binding whose arrays hold a part of a column, and the index of the part's first entry in them.
  private func binding(
    _ column: Int, _ part: Int, _ length: Int
  ) -> (UnsafePointer<losskit_column_binding>, first: Int)? {
    guard let bindings = bound.batch.columns, bound.plans[column].isBound else { return nil }
    let whole = bound.plans[column].whole
    if whole >= 0 { return (bindings + whole, part * length) }
    return bound.binding(of: part, of: column).map { (bindings + $0, 0) }
  }

  private func column(_ array: losskit_array, from first: Int, factor: Double) -> losskit_host_column {
    losskit_host_column(
      data: array.data.map { $0 + first * array.stride }, stride: array.stride,
      rank_stride: array.stride * bound.batch.prompts, factor: factor,
      is_float: array.type == UInt32(LOSSKIT_FLOAT32) ? 1 : 0)
  }
}

extension losskit_results {
  /// The factor on the gradients of the sum of the losses.
  func gradientFactor(_ prompts: Int) -> Double { reduction == UInt32(LOSSKIT_MEAN) ? 1 / Double(prompts) : 1 }
}
