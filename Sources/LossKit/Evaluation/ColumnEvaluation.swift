import CLossKitKernels

/// One evaluation: binds the plans for a batch's shape to a caller's columns and runs them, without intermediate storage of the batch's
/// size.
package struct ColumnEvaluation {
  /// Unowned, since retaining costs more than a few pairs take; the caller keeps it alive.
  private unowned(unsafe) let evaluator: GraphEvaluator
  private let shape: BatchShape
  private let gradients: UInt64
  private let isLossAlone: Bool

  /// `gradients` has a bit for each of the evaluator's columns whose gradient is requested.
  package init(
    _ evaluator: GraphEvaluator, _ shape: BatchShape, gradients: UInt64, isLossAlone: Bool = false
  ) {
    self.evaluator = evaluator
    self.shape = shape
    self.gradients = gradients
    self.isLossAlone = isLossAlone
  }

  /// Evaluates; `sum` receives the sum of an objective's losses. Returns whether all numbers were finite, if that is checked; otherwise
  /// results may be partly written.
  ///
  /// Throws for a missing column, and for rankings of different lengths whose statistics do not pair.
  package func run(
    _ call: RunCall, _ columns: some BatchColumns, sum: UnsafeMutablePointer<Double>? = nil,
    schedule: BlockSchedule = runBlocksInOrder
  ) throws -> Bool {
    guard shape.isMixed else {
      let entry = try entry(responses: shape.responses, isMixed: false, call)
      return try run(entry, call, columns, sum, schedule)
    }
    guard let counts = shape.counts else { return true }
    let byCount = Dictionary(grouping: 0..<shape.prompts) { Int(counts[$0]) }.sorted { $0.key < $1.key }
    if let (count, prompts) = byCount.first(where: { $0.key < 1 || $0.key > shape.responses }) {
      throw Failure("\(evaluator.name): a prompt has \(count) responses, of \(shape.responses)", prompt: prompts[0])
    }
    let entries = try byCount.map { try entry(responses: $0.key, isMixed: true, call) }
    if shape.starts == nil || entries.contains(where: { !$0.zeros.isEmpty }) { clear(columns) }
    if entries[0].isForAnyCount { return try run(entries[0], call, columns, sum, schedule) }
    return try run(Array(zip(entries, byCount.map(\.value))), call, columns, sum, schedule)
  }

  private func entry(responses: Int, isMixed: Bool, _ call: RunCall) throws -> GraphEvaluator.Entry {
    let structure =
      evaluator.hasStructure
      ? evaluator.isStructural.indices.filter { evaluator.isStructural[$0] }.map { call.parameters?[$0] ?? .nan } : []
    let wanted = GraphEvaluator.Shape(
      responses: responses, references: shape.references, structure: structure, gradients: gradients,
      isMixed: isMixed, isLossAlone: isLossAlone)
    return try evaluator.entry(
      for: wanted, parameters: evaluator.isStructural.indices.map { call.parameters?[$0] ?? .nan })
  }

  /// Runs one plan over all prompts. Nothing is allocated here: for a few pairs that would cost more than the arithmetic.
  private func run(
    _ entry: GraphEvaluator.Entry, _ call: RunCall, _ columns: some BatchColumns, _ sum: UnsafeMutablePointer<Double>?,
    _ schedule: BlockSchedule
  ) throws -> Bool {
    if shape.starts == nil {
      for place in entry.zeros { clear(place, columns) }
    } else if !entry.zeros.isEmpty {
      clear(columns)
    }
    let plan = entry.plan
    return try withUnsafeTemporaryAllocation(of: losskit_host_column.self, capacity: entry.places.count) { memory in
      guard let inputs = memory.baseAddress else { return true }
      try bind(entry, columns, inputs)
      return BatchRun.run(
        plan, rows(entry, responses: shape.responses, prompts: nil, count: shape.prompts), inputs: inputs,
        outputs: inputs + plan.externals.count, counted(call), numbers: sum, schedule: schedule)
    }
  }

  /// Runs a plan for each number of responses over the prompts that have that many.
  private func run(
    _ entries: [(GraphEvaluator.Entry, [Int])], _ call: RunCall, _ columns: some BatchColumns,
    _ sum: UnsafeMutablePointer<Double>?, _ schedule: BlockSchedule
  ) throws -> Bool {
    var memory: [UnsafeMutableRawPointer] = []
    defer { for pointer in memory { pointer.deallocate() } }
    let parts = try entries.map { entry, prompts in
      let responses = entry.shape.responses
      let plan = entry.plan
      let inputs = UnsafeMutablePointer<losskit_host_column>.allocate(capacity: max(entry.places.count, 1))
      memory.append(inputs)
      try bind(entry, columns, inputs)
      let indices = UnsafeMutablePointer<UInt32>.allocate(capacity: prompts.count)
      for (row, prompt) in prompts.enumerated() { indices[row] = UInt32(truncatingIfNeeded: prompt) }
      memory.append(indices)
      return BatchPart(
        plan: plan, rows: rows(entry, responses: responses, prompts: indices, count: prompts.count), inputs: inputs,
        outputs: inputs + plan.externals.count)
    }
    return try BatchRun.run(parts, counted(call), numbers: sum, schedule: schedule)
  }

  private func rows(
    _ entry: GraphEvaluator.Entry, responses: Int, prompts: UnsafePointer<UInt32>?, count: Int
  ) -> losskit_rows {
    losskit_rows(
      prompts: count, indices: prompts, batch_prompts: shape.prompts, responses: responses,
      counts: entry.isForAnyCount ? shape.counts : nil, starts: shape.starts, token_offsets: shape.tokenOffsets)
  }

  private func counted(_ call: RunCall) -> RunCall {
    var call = call
    call.tokenCount = shape.tokens
    call.responseCount = shape.prompts * shape.responses
    if let counts = shape.counts { call.responseCount = (0..<shape.prompts).reduce(0) { $0 + Int(counts[$1]) } }
    return call
  }

  // MARK: Columns

  /// Finds the columns of a plan; `memory` has room for all of its places.
  private func bind(
    _ entry: GraphEvaluator.Entry, _ columns: some BatchColumns, _ memory: UnsafeMutablePointer<losskit_host_column>
  ) throws {
    entry.places.withUnsafeBufferPointer { columns.find($0, in: shape, memory) }
    for index in entry.plan.externals.indices where memory[index].data == nil { throw missing(entry.places[index]) }
  }

  private func missing(_ place: ColumnPlace) -> Failure {
    guard place.role == .input else { return Failure("\(evaluator.name): a gradient without a cotangent") }
    let column = evaluator.columns[place.index]
    if column.extent == .token, shape.tokenOffsets == nil {
      return Failure("\(evaluator.name): its columns are per token, and the call has no token offsets")
    }
    return Failure("\(evaluator.name): column '\(column.name)' is needed and missing")
  }

  // MARK: Zeros

  /// Clears the gradient of a place that the formula does not read.
  private func clear(_ place: ColumnPlace, _ columns: some BatchColumns) {
    columns.column(place, in: shape).clear(
      evaluator.columns[place.index].extent == .token ? shape.tokens : shape.prompts)
  }

  /// Clears all rewards and gradients: a plan writes those of its prompts only, and only of responses that exist.
  private func clear(_ columns: some BatchColumns) {
    if !isLossAlone, shape.starts == nil {
      for index in 0..<evaluator.valueCount(shape.responses) {
        columns.column(ColumnPlace(.value, index), in: shape).clear(shape.prompts)
      }
    }
    for index in evaluator.columns.indices where gradients & (1 << UInt64(index)) != 0 {
      let column = evaluator.columns[index]
      for reference in 0..<(column.isPerReference ? shape.references : 1) {
        if column.extent == .response, shape.starts != nil {
          columns.column(ColumnPlace(.gradient, index, reference: reference), in: shape).clear(shape.rows)
          continue
        }
        for rank in 0..<(column.extent == .response ? shape.responses : 1) {
          clear(ColumnPlace(.gradient, index, reference: reference, rank: rank), columns)
        }
      }
    }
  }
}

extension losskit_host_column {
  /// Sets the first `count` entries to 0.
  func clear(_ count: Int) {
    guard let data else { return }
    if is_float != 0 {
      for row in 0..<count { data.storeBytes(of: 0, toByteOffset: row &* stride, as: Float.self) }
    } else {
      for row in 0..<count { data.storeBytes(of: 0, toByteOffset: row &* stride, as: Double.self) }
    }
  }
}
