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

  func find(
    _ places: UnsafeBufferPointer<ColumnPlace>, in shape: BatchShape,
    _ columns: UnsafeMutablePointer<losskit_host_column>
  ) {
    for (index, place) in places.enumerated() {
      switch place.role {
      case .input:
        columns[index] =
          binding(place).map { column($0.pointee.values, from: $1, per: $2, factor: 1) } ?? losskit_host_column()
      case .gradient:
        columns[index] =
          binding(place).map { column($0.pointee.gradient, from: $1, per: $2, factor: gradientFactor) }
          ?? losskit_host_column()
      case .value where place.index == 0:
        columns[index] = column(results.loss, from: 0, per: .prompt, factor: 1)
      case .value:
        let first = shape.start(per: .response, rank: place.index - 1, reference: 0)
        columns[index] = column(results.rewards, from: first, per: .response, factor: 1)
      case .cotangent: columns[index] = losskit_host_column()
      }
    }
  }

  /// The binding whose arrays hold a place, and the index of the place's first entry in them.
  private func binding(
    _ place: ColumnPlace
  ) -> (UnsafePointer<losskit_column_binding>, first: Int, extent: Column.Extent)? {
    guard let bindings = bound.batch.columns, bound.plans[place.index].isBound else { return nil }
    let extent = bound.hosted.columns[place.index].extent, whole = bound.plans[place.index].whole
    if whole >= 0 {
      return (bindings + whole, bound.shape.start(per: extent, rank: place.rank, reference: place.reference), extent)
    }
    let isRanked = extent == .response && bound.shape.starts == nil
    let part = isRanked ? place.reference * bound.shape.responses + place.rank : place.reference
    return bound.binding(of: part, of: place.index).map { (bindings + $0, isRanked ? 0 : place.rank, extent) }
  }

  private func column(
    _ array: losskit_array, from first: Int, per extent: Column.Extent, factor: Double
  ) -> losskit_host_column {
    let isRagged = extent == .response && bound.shape.starts != nil
    return losskit_host_column(
      data: array.data.map { $0 + first * array.stride }, stride: array.stride,
      rank_stride: array.stride * (isRagged ? 1 : bound.batch.prompts), factor: factor,
      is_float: array.type == UInt32(LOSSKIT_FLOAT32) ? 1 : 0, is_ragged: isRagged ? 1 : 0)
  }
}

extension losskit_results {
  /// The factor on the gradients of the sum of the losses.
  func gradientFactor(_ prompts: Int) -> Double { reduction == UInt32(LOSSKIT_MEAN) ? 1 / Double(prompts) : 1 }
}
