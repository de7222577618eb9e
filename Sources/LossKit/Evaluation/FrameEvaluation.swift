package import CLossKit
import CLossKitKernels

/// One call of a component or an objective by a frame, whose columns are contiguous doubles.
package struct FrameEvaluation {
  private let evaluator: GraphEvaluator
  private let frame: losskit_frame
  private let shape: BatchShape

  /// Creates the evaluation of a frame, with another layout than that of C if `shape` is given.
  package init(_ evaluator: GraphEvaluator, _ frame: losskit_frame, _ shape: BatchShape? = nil) {
    self.evaluator = evaluator
    self.frame = frame
    self.shape = shape ?? frame.shape
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
    _ = try ColumnEvaluation(evaluator, shape, gradients: gradients)
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
      let (array, start, extent) = array(place, in: shape)
      let isRagged = extent == .response && shape.starts != nil
      columns[index] = losskit_host_column(
        data: array.map { UnsafeMutableRawPointer($0 + start) }, stride: size,
        rank_stride: isRagged ? size : size * frame.prompts, factor: 1, is_float: 0, is_ragged: isRagged ? 1 : 0)
    }
  }

  private func array(
    _ place: ColumnPlace, in shape: BatchShape
  ) -> (UnsafeMutablePointer<Double>?, start: Int, Column.Extent) {
    func column(_ array: UnsafeMutablePointer<Double>?) -> (UnsafeMutablePointer<Double>?, Int, Column.Extent) {
      let extent = evaluator.columns[place.index].extent
      return (array, shape.start(per: extent, rank: place.rank, reference: place.reference), extent)
    }
    switch place.role {
    case .input: return column(UnsafeMutablePointer(mutating: frame.inputs?[place.index]))
    case .gradient: return column(frame.gradients?[place.index])
    case .cotangent: return (UnsafeMutablePointer(mutating: frame.cotangent), place.index * frame.prompts, .prompt)
    case .value where place.index > 0 && shape.starts != nil:
      // An objective's rewards: the batches of components are not ragged.
      return (frame.output, frame.prompts + place.index - 1, .response)
    case .value: return (frame.output, place.index * frame.prompts, .prompt)
    }
  }
}
