public import CLossKit
package import LossKit

extension Objective {
  /// Evaluates a batch: the loss of each prompt, the rewards, and the gradients of the sum of the losses.
  ///
  /// `state` is read and updated; keep it after a training step, drop it after an evaluation. Throws for a column that
  /// is missing, of the wrong length or not finite, and for an undefined value, with the prompt's index; the state is
  /// then unchanged.
  public func evaluate(
    _ batch: Batch, state: inout [Double], seed: UInt64 = 0, gradients: Bool = true
  ) throws -> Evaluation {
    try check(batch)
    return try evaluate(batch, state: &state, seed: seed, gradients: gradients) { try evaluate($0, $1) }
  }

  /// Makes arrays for the results of a batch, and runs `body` with a frame of them.
  fileprivate func evaluate(
    _ batch: Batch, state: inout [Double], seed: UInt64, gradients: Bool,
    _ body: (losskit_frame, BatchShape) throws -> Void
  ) throws -> Evaluation {
    guard state.count == initialState.count else {
      throw Failure("the objective keeps \(initialState.count) numbers of state, and got \(state.count)")
    }
    // Assigned only on success: a failing batch must not spoil the next one.
    var after = state
    let rewards = reward == nil ? 0 : batch.withShape(\.rows)
    var values = [Double](repeating: 0, count: batch.prompts + rewards)
    var derivatives = columns.map { column -> [Double] in
      guard gradients, column.isDifferentiable, let values = batch.columns[column.name] else { return [] }
      return [Double](repeating: 0, count: values.count)
    }
    let inputs = columns.map { batch.columns[$0.name] ?? [] }
    try inputs.withBufferPointers { inputs in
      try derivatives.withMutableBufferPointers { derivatives in
        try values.withUnsafeMutableBufferPointer { output in
          try after.withUnsafeMutableBufferPointer { state in
            try batch.withFrame(inputs: inputs, gradients: gradients ? derivatives : nil) { frame, shape in
              var frame = frame
              frame.state = state.baseAddress
              frame.seed = seed
              frame.output = output.baseAddress
              try body(frame, shape)
            }
          }
        }
      }
    }
    state = after
    var named: [String: [Double]] = [:]
    for (column, derivative) in zip(columns, derivatives)
    where gradients && column.isDifferentiable && batch.columns[column.name] != nil {
      named[column.name] = derivative
    }
    return Evaluation(
      loss: Array(values.prefix(batch.prompts)), reward: Array(values.dropFirst(batch.prompts)), gradients: named)
  }

  /// Evaluates a frame of borrowed columns, in the order of `columns`, without copying.
  ///
  /// The output has [(1 + K)·G] values, the losses followed by the rewards ([G] if the objective has no reward). The
  /// frame has no parameters. If its cotangent is not NULL, whatever it points to, the gradients of the sum of the
  /// losses are written. Columns are not checked first: a NaN in one shows in the results. Throws for a loss, reward,
  /// gradient, state or mean loss that is not finite.
  public func evaluate(_ frame: losskit_frame) throws { try evaluate(frame, frame.shape) }

  /// The same for columns of any layout. A ragged batch has [G] losses, followed by the rewards of its responses.
  package func evaluate(_ frame: losskit_frame, _ shape: BatchShape) throws {
    if let fused {
      try FrameEvaluation(fused, frame, shape).run(runBlocksOnAllProcessors)
    } else if shape.starts == nil {
      try chain.run(frame)
    } else {
      try evaluateCopies(frame, shape)
    }
    try ResultCheck(self, shape).run(frame)
  }

  /// Whether prompts can be evaluated separately: no prompt's loss depends on the others, and no state is carried.
  package var isSeparable: Bool { isRowwise && initialState.isEmpty }

  /// Evaluates a ragged batch by rank-major copies, the layout of plugin functions, in which each prompt takes as much room as the longest.
  /// If prompts are separable, those with as many responses are copied at a time, without gaps.
  private func evaluateCopies(_ frame: losskit_frame, _ shape: BatchShape) throws {
    let all = Array(0..<shape.prompts)
    let byCount = Dictionary(grouping: all, by: shape.responseCount).sorted { $0.key < $1.key }.map(\.value)
    for prompts in isSeparable ? byCount : [all] {
      do {
        try evaluateCopy(of: prompts, frame, shape)
      } catch let failure as Failure {
        throw Failure(failure.message, prompt: failure.prompt.map { prompts[$0] })
      }
    }
  }

  private func evaluateCopy(of prompts: [Int], _ frame: losskit_frame, _ shape: BatchShape) throws {
    let places = prompts.enumerated().map { (whole: $0.element, part: $0.offset) }
    var part = Batch(rankMajor: prompts, of: shape)
    for (index, column) in columns.enumerated() {
      guard let values = frame.inputs?[index] else { continue }
      part.columns[column.name] = part.withShape { copy in
        var target = [Double](repeating: 0, count: copy.count(of: column))
        shape.copy(values, of: column, to: &target, in: copy, prompts: places)
        return target
      }
    }
    var state = Array(UnsafeBufferPointer(start: frame.state, count: initialState.count))
    let found = try evaluate(part, state: &state, seed: frame.seed, gradients: frame.cotangent != nil) { frame, _ in
      try chain.run(frame)
    }
    frame.state?.update(from: state, count: state.count)
    part.withShape { copy in
      let back = places.lazy.map { ($0.part, $0.whole) }
      func write(_ values: [Double], _ column: Column, to target: UnsafeMutablePointer<Double>?) {
        guard let target, !values.isEmpty else { return }
        copy.copy(values, of: column, to: target, in: shape, prompts: back)
      }
      write(found.loss, Column("loss", per: .prompt), to: frame.output)
      write(found.reward, Column("reward"), to: frame.output.map { $0 + shape.prompts })
      for (index, column) in columns.enumerated() {
        write(found.gradients[column.name] ?? [], column, to: frame.gradients?[index])
      }
    }
  }
}

extension BatchShape {
  /// Copies a column's entries of some prompts to a column of another shape. `prompts` pairs each prompt here with its prompt there.
  fileprivate func copy(
    _ values: UnsafePointer<Double>, of column: Column, to other: UnsafeMutablePointer<Double>, in shape: BatchShape,
    prompts: some Sequence<(Int, Int)>
  ) {
    for reference in 0..<(column.isPerReference ? references : 1) {
      for (here, there) in prompts {
        for rank in 0..<(column.extent == .prompt ? 1 : responseCount(ofPrompt: here)) {
          let source = entries(per: column.extent, rank: rank, prompt: here, reference: reference)
          let target = shape.entries(per: column.extent, rank: rank, prompt: there, reference: reference)
          (other + target.lowerBound).update(from: values + source.lowerBound, count: source.count)
        }
      }
    }
  }
}

extension Batch {
  /// Creates a rank-major batch of some prompts of another, without columns.
  fileprivate init(rankMajor prompts: [Int], of shape: BatchShape) {
    let counts = prompts.map(shape.responseCount)
    let responses = counts.max() ?? 1
    self.init(
      prompts: prompts.count, responses: responses, references: shape.references,
      counts: counts.allSatisfy { $0 == responses } ? nil : counts.map { UInt32($0) })
    guard shape.tokenOffsets != nil else { return }
    var offsets = [0]
    offsets.reserveCapacity(responses * prompts.count + 1)
    for rank in 0..<responses {
      for (prompt, count) in zip(prompts, counts) {
        let tokens = rank < count ? shape.entries(per: .token, rank: rank, prompt: prompt).count : 0
        offsets.append((offsets.last ?? 0) + tokens)
      }
    }
    tokenOffsets = offsets
  }
}

extension Batch {
  /// Calls a closure with the batch's shape and columns as a frame; if `gradients` is given, with a cotangent.
  fileprivate func withFrame<Result>(
    inputs: [UnsafePointer<Double>?], gradients: [UnsafeMutablePointer<Double>?]?,
    _ body: (losskit_frame, BatchShape) throws -> Result
  ) rethrows -> Result {
    try withShape { shape in
      try inputs.withUnsafeBufferPointer { inputs in
        try withOptionalPointer(gradients) { gradients in
          try [1.0].withUnsafeBufferPointer { cotangent in
            try body(
              losskit_frame(
                prompts: shape.prompts, responses: shape.responses, references: shape.references,
                counts: shape.counts, token_offsets: shape.tokenOffsets, parameters: nil, state: nil, seed: 0,
                inputs: inputs.baseAddress, output: nil, cotangent: gradients == nil ? nil : cotangent.baseAddress,
                gradients: gradients), shape)
          }
        }
      }
    }
  }
}
