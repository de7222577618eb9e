import CLossKit
import LossKit
import LossKitRuntime
import LossKitSystem

/// A host's batch whose arrays are bound to the objective's columns, with every length checked.
///
/// Binding a valid batch allocates nothing: for a few pairs, allocation would cost more than the arithmetic. An invalid
/// batch is copied, and the runtime's own check reports what is wrong with it.
struct BoundBatch {
  /// How the arrays of a batch make up one column.
  struct ColumnPlan {
    /// The binding of the whole column, or -1.
    var whole = -1
    /// The number of bound parts, if the column is not bound whole, and the binding of the first one.
    var parts = 0, first = -1
    var wantsGradient = false

    var isBound: Bool { whole >= 0 || parts > 0 }
  }

  /// Unretained, since retaining takes longer than evaluating a few pairs: `with` keeps it alive.
  private let unownedObjective: Unmanaged<HostedObjective>
  let batch: losskit_batch
  let shape: BatchShape
  let plans: UnsafeMutableBufferPointer<ColumnPlan>
  /// The index of each binding's column.
  let columnOfBinding: UnsafeMutableBufferPointer<Int>

  /// Calls `body` with a bound batch; `starts` are those of a ragged one. Throws if the host's arrays do not match the batch.
  static func with(
    _ hosted: HostedObjective, _ batch: losskit_batch, starts: UnsafePointer<Int>? = nil,
    _ body: (borrowing BoundBatch) throws -> Void
  ) throws {
    let bindingCount = batch.column_count
    guard bindingCount >= 0, bindingCount <= 1 << 20 else {
      throw Failure(
        "losskit_objective_evaluate: invalid value \(bindingCount) for column_count; expected 0 to \(1 << 20)")
    }
    if bindingCount > 0 { _ = try required(batch.columns, "losskit_objective_evaluate", "batch->columns") }
    try withUnsafeTemporaryAllocation(of: ColumnPlan.self, capacity: hosted.columns.count) { plans in
      plans.initialize(repeating: ColumnPlan())
      try withUnsafeTemporaryAllocation(of: Int.self, capacity: bindingCount) { columns in
        columns.initialize(repeating: -1)
        let bound = BoundBatch(
          unownedObjective: .passUnretained(hosted), batch: batch, shape: batch.shape(starts), plans: plans,
          columnOfBinding: columns)
        try bound.checkShape()
        for index in 0..<bindingCount { try bound.bind(index) }
        try bound.checkColumns()
        try withExtendedLifetime(hosted) { try body(bound) }
      }
    }
  }

  var hosted: HostedObjective { unownedObjective._withUnsafeGuaranteedRef { $0 } }

  /// K·G, or the responses of all prompts in a ragged batch.
  var rows: Int { shape.rows }

  /// The number of parts of a column, and of values per part.
  func extent(of column: HostedObjective.HostedColumn) -> (parts: Int, length: Int) {
    let references = column.isPerReference ? shape.references : 1
    if column.extent == .response, shape.starts == nil { return (references &* shape.responses, shape.prompts) }
    return (references, shape.count(per: column.extent))
  }

  /// The number of values of a column.
  func count(of column: HostedObjective.HostedColumn) -> Int {
    shape.count(per: column.extent, isPerReference: column.isPerReference)
  }

  /// The batch as the runtime's type, with its columns copied.
  func copy() -> Batch {
    var copy = Batch(
      prompts: batch.prompts, responses: batch.responses, references: batch.references,
      counts: batch.counts.map { Array(UnsafeBufferPointer(start: $0, count: batch.prompts)) },
      isRagged: shape.starts != nil,
      tokenOffsets: batch.token_offsets.map { Array(UnsafeBufferPointer(start: $0, count: rows + 1)) })
    for (index, column) in hosted.columns.enumerated() where plans[index].isBound {
      let count = count(of: column)
      copy.columns[hosted.objective.columns[index].name] = [Double](unsafeUninitializedCapacity: count) {
        values, filled in
        if let base = values.baseAddress { gather(index, to: base) }
        filled = count
      }
    }
    return copy
  }

  /// Copies a column's arrays to contiguous doubles.
  func gather(_ column: Int, to target: UnsafeMutablePointer<Double>) {
    let length = extent(of: hosted.columns[column]).length
    for index in columnOfBinding.indices where columnOfBinding[index] == column {
      guard let binding = batch.columns?.advanced(by: index) else { continue }
      binding.pointee.values.read(to: target + max(0, Int(binding.pointee.part)) &* length)
    }
  }

  // MARK: Checks

  private func checkShape() throws {
    let (prompts, responses, references) = (batch.prompts, batch.responses, batch.references)
    guard prompts != 0 else {
      throw Failure("the batch has no prompts, and so no mean loss; skip the call")
    }
    guard prompts > 0, responses > 0, references >= 0, prompts < 1 << 40, responses < 1 << 20, references < 1 << 16,
      prompts.multipliedReportingOverflow(by: (responses + 1) &* max(references, 1)).partialValue < 1 << 44,
      !prompts.multipliedReportingOverflow(by: (responses + 1) &* max(references, 1)).overflow
    else {
      throw Failure(
        "a batch has \(prompts) prompts of \(responses) responses and \(references) references; that is too many")
    }
    let range = hosted.responses
    var isRight = !hosted.needsReference || references >= hosted.referenceCount
    if let counts = batch.counts {
      for prompt in 0..<prompts where !(Int(counts[prompt]) <= responses && range.contains(Int(counts[prompt]))) {
        isRight = false
      }
    } else {
      isRight = isRight && range.contains(responses)
    }
    if let offsets = batch.token_offsets {
      isRight = isRight && offsets[0] == 0
      for row in 0..<rows where offsets[row] > offsets[row + 1] { isRight = false }
      guard offsets[rows] < 1 << 44 else {
        throw Failure("the batch's token offsets end at \(offsets[rows]); that is too many tokens")
      }
    }
    if !isRight { try hosted.objective.check(copy()) }
  }

  private func bind(_ index: Int) throws {
    guard let binding = batch.columns?.advanced(by: index) else { return }
    let column = try column(of: binding.pointee)
    let hostedColumn = hosted.columns[column]
    var name: String { hosted.objective.columns[column].name }
    guard hostedColumn.extent != .token || batch.token_offsets != nil else {
      throw Failure("column '\(name)' is per token, and the batch has no token offsets")
    }
    guard binding.pointee.values.isThere else {
      throw Failure("column '\(name)' is bound to no values; set data, or leave the binding out")
    }
    let (parts, length) = extent(of: hostedColumn)
    let part = Int(binding.pointee.part)
    let count: Int
    if part == Int(LOSSKIT_WHOLE) {
      guard !plans[column].isBound else { throw Failure("column '\(name)' is bound twice; bind it once") }
      plans[column].whole = index
      count = parts &* length
    } else {
      guard (0..<parts).contains(part) else {
        throw Failure("column '\(name)' has no part \(part): the batch calls for \(parts), from 0 on")
      }
      guard plans[column].whole < 0 else { throw Failure("column '\(name)' is bound twice; bind it once") }
      if plans[column].parts == 0 { plans[column].first = index }
      plans[column].parts += 1
      count = length
    }
    var place: String { "column '\(name)'" + (part < 0 ? "" : ", part \(part),") }
    try binding.pointee.values.check(count: count, place)
    columnOfBinding[index] = column
    guard binding.pointee.gradient.isThere else { return }
    guard hostedColumn.isDifferentiable else { throw Failure("column '\(name)' has no gradient; leave out its array") }
    try binding.pointee.gradient.checkWritable(count: count, "the gradient by \(place)")
    plans[column].wantsGradient = true
  }

  /// The index of the binding of a part of a column whose parts are bound; nil if there is none.
  func binding(of part: Int, of column: Int) -> Int? {
    guard let bindings = batch.columns, plans[column].first >= 0 else { return nil }
    func isIt(_ index: Int) -> Bool { columnOfBinding[index] == column && Int(bindings[index].part) == part }
    // Parts are usually adjacent.
    let likely = plans[column].first &+ part &- Int(bindings[plans[column].first].part)
    if columnOfBinding.indices.contains(likely), isIt(likely) { return likely }
    return columnOfBinding.indices.first(where: isIt)
  }

  /// The column that a binding gives by name or index.
  private func column(of binding: losskit_column_binding) throws -> Int {
    guard let name = binding.name else {
      guard Int(binding.column) < hosted.columns.count else {
        throw Failure("there is no column \(binding.column); the objective reads \(hosted.columns.count)")
      }
      return Int(binding.column)
    }
    for index in hosted.columns.indices {
      if let known = hosted.columns[index].name, strcmp(known, name) == 0 { return index }
    }
    throw Failure(
      unknownNameMessage(
        String(cString: name), kind: "column of this objective", known: hosted.objective.columns.map(\.name)))
  }

  private func checkColumns() throws {
    for index in hosted.columns.indices {
      let (plan, column) = (plans[index], hosted.columns[index])
      guard plan.isBound || column.isOptional else { return try hosted.objective.check(copy()) }
      let parts = extent(of: column).parts
      if plan.parts > 0 { try checkParts(parts, of: index) }
      // The runtime's check reports what is wrong.
      if plan.isBound, !obeysRule(index) { try hosted.objective.check(copy()) }
    }
  }

  /// Throws unless each part of a column is bound exactly once.
  private func checkParts(_ parts: Int, of column: Int) throws {
    let name = hosted.objective.columns[column].name
    for part in 0..<parts where binding(of: part, of: column) == nil {
      let names = hosted.objective.columns[column].pairNames
      let word = parts == 2 && names.count == 2 ? " (\(names[part]))" : ""
      throw Failure("column '\(name)' has \(parts) parts, and part \(part)\(word) is not bound; bind all of them")
    }
    guard plans[column].parts > parts, let bindings = batch.columns else { return }
    for index in columnOfBinding.indices where columnOfBinding[index] == column {
      let part = Int(bindings[index].part)
      guard binding(of: part, of: column) != index else { continue }
      throw Failure("column '\(name)' is bound twice, in part \(part); bind it once")
    }
  }

  /// Whether a column's values satisfy its rule; values that are not finite are found when the column is read.
  private func obeysRule(_ index: Int) -> Bool {
    let column = hosted.columns[index]
    if case .finite = column.rule { return true }
    var isRight = true
    for binding in columnOfBinding.indices where columnOfBinding[binding] == index {
      guard let binding = batch.columns?.advanced(by: binding) else { continue }
      isRight = isRight && binding.pointee.values.allSatisfy(column.rule)
      if column.isTokenCount, let offsets = batch.token_offsets {
        let first = max(0, Int(binding.pointee.part)) &* batch.prompts
        isRight = isRight && binding.pointee.values.areLengths(of: offsets + first)
      }
    }
    return isRight
  }
}

extension losskit_batch {
  fileprivate func shape(_ starts: UnsafePointer<Int>?) -> BatchShape {
    BatchShape(
      prompts: prompts, responses: responses, references: references, counts: counts, tokenOffsets: token_offsets,
      starts: starts)
  }
}
