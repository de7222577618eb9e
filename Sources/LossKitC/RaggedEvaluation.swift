import CLossKit
import LossKit
import LossKitRuntime

/// One evaluation of a batch whose responses stand prompt by prompt.
///
/// A fused objective is evaluated in place. For a chain of plugin functions, for metrics, and to name a number that is not finite, the
/// batch is copied to a rank-major one.
struct RaggedEvaluation {
  let hosted: HostedObjective
  let batch: losskit_batch
  let seed: UInt64

  func run(
    state: UnsafeMutablePointer<Double>?, stateCount: Int, _ results: UnsafeMutablePointer<losskit_results>
  ) throws {
    guard batch.prompts > 0, batch.prompts < 1 << 40, batch.responses > 0, batch.responses < 1 << 20 else {
      // The shape is invalid for either layout.
      return try BoundBatch.with(hosted, batch) { _ in }
    }
    try withUnsafeTemporaryAllocation(of: Int.self, capacity: batch.prompts + 1) { starts in
      starts[0] = 0
      for prompt in 0..<batch.prompts {
        // A count that is too large is reported when the batch is bound.
        starts[prompt + 1] =
          starts[prompt] + min(batch.counts.map { Int($0[prompt]) } ?? batch.responses, batch.responses)
      }
      try BoundBatch.with(hosted, batch, starts: UnsafePointer(starts.baseAddress)) { bound in
        let evaluation = HostEvaluation(bound, state: state, stateCount: stateCount, seed: seed)
        try evaluation.check(results.pointee)
        if results.pointee.metrics == nil, try evaluation.runInPlace(&results.pointee) { return }
        try runRankMajor(bound, state: state, results)
      }
    }
  }

  private func runRankMajor(
    _ bound: borrowing BoundBatch, state: UnsafeMutablePointer<Double>?,
    _ results: UnsafeMutablePointer<losskit_results>
  ) throws {
    let copy = bound.copy()
    var stateAfter =
      state.map { Array(UnsafeBufferPointer(start: $0, count: hosted.stateCount)) } ?? hosted.objective.initialState
    let wantsGradients = bound.plans.contains { $0.wantsGradient }
    let evaluation = try hosted.objective.evaluate(copy, state: &stateAfter, seed: seed, gradients: wantsGradients)
    results.pointee.mean_loss = evaluation.loss.reduce(0, +) / Double(batch.prompts)
    let check = ResultCheck(hosted.objective, bound.shape)
    try write(evaluation.loss, to: results.pointee.loss, check, .loss)
    if results.pointee.rewards.isThere {
      try write(bound.ragged(evaluation.reward, per: .response, of: copy), to: results.pointee.rewards, check, .reward)
    }
    for index in bound.columnOfBinding.indices {
      guard let binding = bound.batch.columns?.advanced(by: index).pointee, binding.gradient.isThere else { continue }
      let place = bound.columnOfBinding[index], column = hosted.columns[place]
      guard let gradient = evaluation.gradients[hosted.objective.columns[place].name] else { continue }
      try write(
        bound.ragged(gradient, per: column.extent, references: column.isPerReference ? copy.references : 1, of: copy),
        to: binding.gradient, factor: results.pointee.gradientFactor(batch.prompts),
        offset: max(0, Int(binding.part)) * bound.extent(of: column).length, check, .derivative(place))
    }
    results.pointee.metric_count = 0
    if let target = results.pointee.metrics {
      let metrics = try hosted.objective.metrics(copy, evaluation).list
      results.pointee.metric_count = metrics.count
      for (index, metric) in metrics.prefix(results.pointee.metric_capacity).enumerated() {
        target[index].value = metric.value
        withUnsafeMutableBytes(of: &target[index].name) { writeTerminated(metric.name, to: $0) }
      }
    }
    state?.update(from: stateAfter, count: hosted.stateCount)
  }

  private func write(
    _ values: [Double], to array: losskit_array, factor: Double = 1, offset: Int = 0, _ check: ResultCheck,
    _ quantity: ResultCheck.Quantity
  ) throws {
    try values.withUnsafeBufferPointer { values in
      guard let base = values.baseAddress, let index = array.write(base + offset, factor: factor) else { return }
      throw check.failure(quantity, at: offset + index, value: values[offset + index] * factor)
    }
  }
}

extension BoundBatch {
  /// A column of the rank-major copy in this batch's layout.
  fileprivate func ragged(
    _ values: [Double], per extent: Column.Extent, references: Int = 1, of copy: Batch
  ) -> [Double] {
    let target = shape
    return copy.withShape { $0.copy(values, per: extent, references: references, to: target) }
  }
}

extension BatchShape {
  /// Copies a column to the layout of another shape of the same prompts; entries of responses that a prompt does not have are 0.
  func copy(_ values: [Double], per extent: Column.Extent, references: Int = 1, to other: BatchShape) -> [Double] {
    if extent == .prompt { return values }
    var copy = [Double](repeating: 0, count: references * other.count(per: extent))
    for reference in 0..<references {
      for prompt in 0..<prompts {
        for rank in 0..<responseCount(ofPrompt: prompt) {
          copy.replaceSubrange(
            other.entries(per: extent, rank: rank, prompt: prompt, reference: reference),
            with: values[entries(per: extent, rank: rank, prompt: prompt, reference: reference)])
        }
      }
    }
    return copy
  }

  /// The token offsets of the same prompts in a rank-major batch.
  func rankMajorTokenOffsets() -> [Int]? {
    guard let tokenOffsets else { return nil }
    if starts == nil { return Array(UnsafeBufferPointer(start: tokenOffsets, count: rows + 1)) }
    var offsets = [0]
    offsets.reserveCapacity(prompts * responses + 1)
    for rank in 0..<responses {
      for prompt in 0..<prompts {
        let row = row(rank, ofPrompt: prompt)
        let count = rank < responseCount(ofPrompt: prompt) ? tokenOffsets[row + 1] - tokenOffsets[row] : 0
        offsets.append((offsets.last ?? 0) + count)
      }
    }
    return offsets
  }
}
