public import CLossKit
import LossKit

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
    guard state.count == initialState.count else {
      throw Failure("the objective keeps \(initialState.count) numbers of state, and got \(state.count)")
    }
    // Assigned only on success: a failing batch must not spoil the next one.
    var after = state
    let valueCount = reward == nil ? 1 : 1 + batch.responses
    var values = [Double](repeating: 0, count: valueCount * batch.prompts)
    var derivatives = columns.map { column -> [Double] in
      guard gradients, column.isDifferentiable, let values = batch.columns[column.name] else { return [] }
      return [Double](repeating: 0, count: values.count)
    }
    let inputs = columns.map { batch.columns[$0.name] ?? [] }
    try inputs.withBufferPointers { inputs in
      try derivatives.withMutableBufferPointers { derivatives in
        try values.withUnsafeMutableBufferPointer { output in
          try after.withUnsafeMutableBufferPointer { state in
            try batch.withFrame(inputs: inputs, gradients: gradients ? derivatives : nil) { frame in
              var frame = frame
              frame.state = state.baseAddress
              frame.seed = seed
              frame.output = output.baseAddress
              try evaluate(frame)
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
  public func evaluate(_ frame: losskit_frame) throws {
    if let fused {
      try FrameEvaluation(fused, frame).run(runBlocksOnAllProcessors)
    } else {
      try chain.run(frame)
    }
    try ResultCheck(self, frame.shape).run(frame)
  }
}

extension Batch {
  /// Calls a closure with the batch's shape and columns as a frame; if `gradients` is given, with a cotangent.
  fileprivate func withFrame<Result>(
    inputs: [UnsafePointer<Double>?], gradients: [UnsafeMutablePointer<Double>?]?,
    _ body: (losskit_frame) throws -> Result
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
                gradients: gradients))
          }
        }
      }
    }
  }
}
