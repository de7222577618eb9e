package import CLossKit
import CLossKitKernels

/// One call of a component or an objective by a frame, whose columns are contiguous doubles.
package struct FrameEvaluation {
  private let evaluator: GraphEvaluator
  private let frame: losskit_frame

  package init(_ evaluator: GraphEvaluator, _ frame: losskit_frame) {
    self.evaluator = evaluator
    self.frame = frame
  }

  /// Evaluates the frame. Throws for a missing column, and for a value that is not a number.
  package func run(_ schedule: BlockSchedule = runBlocksInOrder) throws {
    guard frame.prompts > 0 else { return }
    guard frame.output != nil else { throw Failure("\(evaluator.name): the call has no array for its output") }
    var gradients: UInt64 = 0
    if frame.cotangent != nil, let targets = frame.gradients {
      for index in evaluator.differentiable where targets[index] != nil { gradients |= 1 << UInt64(index) }
    }
    let shape = ColumnShape(
      prompts: frame.prompts, responses: frame.responses, references: frame.references, counts: frame.counts,
      tokenOffsets: frame.token_offsets)
    var call = RunCall()
    call.parameters = frame.parameters
    call.state = frame.state
    call.seed = frame.seed
    _ = try ColumnEvaluation(evaluator, shape, gradients: gradients)
      .run(call, FrameColumns(frame: frame), schedule: schedule)
    // The caller checks an objective's results.
    if case .objective = evaluator.kind { return }
    try checkNumbers(gradients)
  }

  private func checkNumbers(_ gradients: UInt64) throws {
    if let output = frame.output {
      try check(output, count: frame.prompts * evaluator.valueCount(frame.responses), of: "value")
    }
    for (index, column) in evaluator.columns.enumerated()
    where gradients & (1 << UInt64(index)) != 0 && column.extent != .token {
      guard let gradient = frame.gradients?[index] else { continue }
      let parts = (column.isPerReference ? frame.references : 1) * (column.extent == .response ? frame.responses : 1)
      try check(gradient, count: parts * frame.prompts, of: "derivative by \(column.name)")
    }
  }

  /// A component may return infinity: an objective made from it can still be finite.
  private func check(_ values: UnsafePointer<Double>, count: Int, of what: @autoclosure () -> String) throws {
    let bad = losskit_first_nan(values, count)
    guard bad < count else { return }
    let prompt = bad % frame.prompts
    throw Failure(
      "\(evaluator.name): the \(what()) of prompt \(prompt + 1) is not a number; look at its columns", prompt: prompt)
  }
}

/// The columns of a frame.
private struct FrameColumns: BatchColumns {
  let frame: losskit_frame

  func input(_ column: Int, part: Int, length: Int) -> losskit_host_column? {
    frame.inputs?[column].map { self.column(UnsafeMutablePointer(mutating: $0), part * length) }
  }

  func cotangent(part: Int) -> losskit_host_column? {
    frame.cotangent.map { column(UnsafeMutablePointer(mutating: $0), part * frame.prompts) }
  }

  func value(part: Int) -> losskit_host_column { column(frame.output, part * frame.prompts) }

  func gradient(_ column: Int, part: Int, length: Int) -> losskit_host_column {
    self.column(frame.gradients?[column], part * length)
  }

  private func column(_ data: UnsafeMutablePointer<Double>?, _ first: Int) -> losskit_host_column {
    let size = MemoryLayout<Double>.stride
    return losskit_host_column(
      data: data.map { UnsafeMutableRawPointer($0 + first) }, stride: size, rank_stride: size * frame.prompts,
      factor: 1, is_float: 0)
  }
}
