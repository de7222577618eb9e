package import CLossKitKernels

/// The columns of a caller, with either precision and any stride.
///
/// A column consists of parts, ordered as in `losskit_frame`: by rank within reference; a part has one entry per prompt, or per token.
/// Each function returns the column starting at the first entry of a part; its stride is the distance between prompts, or between tokens.
package protocol BatchColumns {
  /// nil if the column is missing.
  func input(_ column: Int, part: Int, length: Int) -> losskit_host_column?
  /// The cotangents of the outputs; nil if there are none.
  func cotangent(part: Int) -> losskit_host_column?
  /// The outputs. An objective's are the losses of all prompts, followed by the rewards.
  func value(part: Int) -> losskit_host_column
  func gradient(_ column: Int, part: Int, length: Int) -> losskit_host_column
}

/// The shape of a batch.
package struct ColumnShape {
  package var prompts, responses, references: Int
  package var counts: UnsafePointer<UInt32>?
  package var tokenOffsets: UnsafePointer<Int>?

  package init(
    prompts: Int, responses: Int, references: Int, counts: UnsafePointer<UInt32>?, tokenOffsets: UnsafePointer<Int>?
  ) {
    self.prompts = prompts
    self.responses = responses
    self.references = references
    self.counts = counts
    self.tokenOffsets = tokenOffsets
  }

  var tokens: Int { tokenOffsets?[prompts * responses] ?? 0 }

  var isMixed: Bool {
    guard let counts else { return false }
    return (0..<prompts).contains { counts[$0] != UInt32(responses) }
  }
}

/// One evaluation: binds the plans for a batch's shape to a caller's columns and runs them, without intermediate storage of the batch's
/// size.
package struct ColumnEvaluation {
  private let evaluator: GraphEvaluator
  private let shape: ColumnShape
  private let gradients: UInt64
  private let isLossAlone: Bool

  /// `gradients` has a bit for each of the evaluator's columns whose gradient is requested.
  package init(
    _ evaluator: GraphEvaluator, _ shape: ColumnShape, gradients: UInt64, isLossAlone: Bool = false
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
    clear(entries[0], columns)
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
    for slot in entry.zeros { clearGradient(slot, columns) }
    let plan = entry.plan
    return try withUnsafeTemporaryAllocation(
      of: losskit_host_column.self, capacity: plan.externals.count + plan.outputCount
    ) { memory in
      guard let inputs = memory.baseAddress else { return true }
      let outputs = inputs + plan.externals.count
      try bind(entry, columns, responses: shape.responses, inputs: inputs, outputs: outputs)
      return BatchRun.run(
        plan, rows(entry, responses: shape.responses, prompts: nil, count: shape.prompts), inputs: inputs,
        outputs: outputs, counted(call), numbers: sum, schedule: schedule)
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
      let inputs = UnsafeMutablePointer<losskit_host_column>.allocate(
        capacity: max(plan.externals.count + plan.outputCount, 1))
      memory.append(inputs)
      let outputs = inputs + plan.externals.count
      try bind(entry, columns, responses: responses, inputs: inputs, outputs: outputs)
      let indices = UnsafeMutablePointer<UInt32>.allocate(capacity: prompts.count)
      for (row, prompt) in prompts.enumerated() { indices[row] = UInt32(truncatingIfNeeded: prompt) }
      memory.append(indices)
      return BatchPart(
        plan: plan, rows: rows(entry, responses: responses, prompts: indices, count: prompts.count), inputs: inputs,
        outputs: outputs)
    }
    return try BatchRun.run(parts, counted(call), numbers: sum, schedule: schedule)
  }

  private func rows(
    _ entry: GraphEvaluator.Entry, responses: Int, prompts: UnsafePointer<UInt32>?, count: Int
  ) -> losskit_rows {
    losskit_rows(
      prompts: count, indices: prompts, batch_prompts: shape.prompts, responses: responses,
      counts: entry.isForAnyCount ? shape.counts : nil, token_offsets: shape.tokenOffsets)
  }

  private func counted(_ call: RunCall) -> RunCall {
    var call = call
    call.tokenCount = shape.tokens
    call.responseCount = shape.prompts * shape.responses
    if let counts = shape.counts { call.responseCount = (0..<shape.prompts).reduce(0) { $0 + Int(counts[$1]) } }
    return call
  }

  // MARK: Columns

  private func bind(
    _ entry: GraphEvaluator.Entry, _ columns: some BatchColumns, responses: Int,
    inputs: UnsafeMutablePointer<losskit_host_column>, outputs: UnsafeMutablePointer<losskit_host_column>
  ) throws {
    let externals = entry.plan.externals
    for index in externals.indices {
      inputs.advanced(by: index).initialize(to: try input(externals[index], columns, responses: responses))
    }
    for index in entry.targets.indices {
      outputs.advanced(by: index).initialize(to: output(entry.targets[index], columns, responses: responses))
    }
  }

  /// `responses` is the K of the plan's slots; the batch's K may be larger.
  private func input(
    _ external: Plan.External, _ columns: some BatchColumns, responses: Int
  ) throws -> losskit_host_column {
    switch external {
    case .input(let slot): return try required(slot.column, columns, part: part(slot, responses: responses))
    case .column(let column, let reference):
      return try required(column, columns, part: part(column, reference: reference))
    case .cotangent(let output):
      guard let cotangent = columns.cotangent(part: output) else {
        throw Failure("\(evaluator.name): a gradient without a cotangent")
      }
      return cotangent
    }
  }

  private func required(
    _ column: Int, _ columns: some BatchColumns, part: Int
  ) throws -> losskit_host_column {
    if evaluator.columns[column].extent == .token, shape.tokenOffsets == nil {
      throw Failure("\(evaluator.name): its columns are per token, and the call brings no token offsets")
    }
    guard let values = columns.input(column, part: part, length: length(column)) else {
      throw Failure("\(evaluator.name): column '\(evaluator.columns[column].name)' is needed and missing")
    }
    return values
  }

  private func output(
    _ target: GraphEvaluator.Target, _ columns: some BatchColumns, responses: Int
  ) -> losskit_host_column {
    switch target {
    case .value(let index): columns.value(part: index)
    case .gradient(let slot):
      columns.gradient(slot.column, part: part(slot, responses: responses), length: length(slot.column))
    case .wholeGradient(let column, let reference):
      columns.gradient(column, part: part(column, reference: reference), length: length(column))
    }
  }

  /// The index of the column's part for a slot.
  private func part(_ slot: InputSlot, responses: Int) -> Int {
    guard responses != shape.responses, evaluator.columns[slot.column].extent == .response else { return slot.slot }
    let (reference, rank) = slot.slot.quotientAndRemainder(dividingBy: responses)
    return reference * shape.responses + rank
  }

  /// The index of the first part of a reference's column.
  private func part(_ column: Int, reference: Int) -> Int {
    evaluator.columns[column].extent == .response ? reference * shape.responses : reference
  }

  /// The number of entries of a part.
  private func length(_ column: Int) -> Int {
    evaluator.columns[column].extent == .token ? shape.tokens : shape.prompts
  }

  // MARK: Zeros

  /// Clears the gradient of a slot that the formula does not read.
  private func clearGradient(_ slot: InputSlot, _ columns: some BatchColumns) {
    let length = length(slot.column)
    columns.gradient(slot.column, part: slot.slot, length: length).clear(length)
  }

  /// Clears rewards and gradients of responses that a prompt does not have.
  private func clear(_ entry: GraphEvaluator.Entry, _ columns: some BatchColumns) {
    let values = isLossAlone ? 1 : evaluator.valueCount(shape.responses)
    for index in 0..<values { columns.value(part: index).clear(shape.prompts) }
    for column in evaluator.columns.indices where gradients & (1 << UInt64(column)) != 0 {
      let references = evaluator.columns[column].isPerReference ? shape.references : 1
      let slots = evaluator.columns[column].extent == .response ? references * shape.responses : references
      for slot in 0..<slots {
        clearGradient(InputSlot(column: column, slot: slot), columns)
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
