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
    var call = RunCall()
    call.parameters = frame.parameters
    call.state = frame.state
    call.seed = frame.seed
    _ = try ColumnEvaluation(evaluator, frame.shape, gradients: gradients)
      .run(call, FrameColumns(frame: frame, evaluator: evaluator), schedule: schedule)
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
  let evaluator: GraphEvaluator

  func find(
    _ places: UnsafeBufferPointer<ColumnPlace>, in shape: BatchShape,
    _ columns: UnsafeMutablePointer<losskit_host_column>
  ) {
    let size = MemoryLayout<Double>.stride
    for (index, place) in places.enumerated() {
      let (array, start) = array(place, in: shape)
      columns[index] = losskit_host_column(
        data: array.map { UnsafeMutableRawPointer($0 + start) }, stride: size, rank_stride: size * frame.prompts,
        factor: 1,
        is_float: 0, is_ragged: 0)
    }
  }

  private func array(_ place: ColumnPlace, in shape: BatchShape) -> (UnsafeMutablePointer<Double>?, start: Int) {
    var start: Int {
      shape.start(per: evaluator.columns[place.index].extent, rank: place.rank, reference: place.reference)
    }
    switch place.role {
    case .input: return (UnsafeMutablePointer(mutating: frame.inputs?[place.index]), start)
    case .gradient: return (frame.gradients?[place.index], start)
    case .cotangent: return (UnsafeMutablePointer(mutating: frame.cotangent), place.index * frame.prompts)
    case .value: return (frame.output, place.index * frame.prompts)
    }
  }
}
