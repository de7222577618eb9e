package import CLossKitKernels

/// The prompts of a batch that have the same number of responses, with their plan and columns.
package struct BatchPart {
  let plan: Plan
  let rows: losskit_rows
  /// In the order of the plan's externals.
  let inputs: UnsafePointer<losskit_host_column>?
  /// In the order of the plan's outputs.
  let outputs: UnsafePointer<losskit_host_column>?

  package init(
    plan: Plan, rows: losskit_rows, inputs: UnsafePointer<losskit_host_column>?,
    outputs: UnsafePointer<losskit_host_column>?
  ) {
    self.plan = plan
    self.rows = rows
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// The blocks that a part is cut into: whole prompts, of any length. The cuts depend on the shape alone, so that sums do not depend on
/// the number of threads.
struct Blocks {
  let count: Int
  /// The largest number of rows of a block at each extent.
  private(set) var most = (0, 0, 0, 0)
  /// The number of rows of all blocks at each extent.
  private(set) var total = (0, 0, 0, 0)
  /// The number of prompts of each block except the last, if no finer rows matter.
  private let size: Int
  private let ranges: UnsafeMutablePointer<losskit_range>?

  init(_ plan: Plan, _ rows: losskit_rows) {
    // Temporaries between stages should stay in the cache; without temporaries, fewer blocks cost less to dispatch.
    let limit = plan.temporaries == (0, 0, 0, 0) ? 16_384 : 4096
    size = limit
    if plan.finest == .prompt {
      count = (rows.prompts + limit - 1) / limit
      most.1 = min(rows.prompts, limit)
      total.1 = rows.prompts
      ranges = nil
      return
    }
    var rows = rows
    let finest = UInt32(plan.finest.rawValue)
    var range = losskit_range()
    // The count is not known before the cut, so the batch is cut twice.
    var count = 0
    while range.last.1 < rows.prompts {
      range.first = range.last
      losskit_cut(&rows, finest, limit, &range)
      count += 1
    }
    let ranges = UnsafeMutablePointer<losskit_range>.allocate(capacity: max(count, 1))
    range = losskit_range()
    for block in 0..<count {
      range.first = range.last
      losskit_cut(&rows, finest, limit, &range)
      ranges[block] = range
      most.1 = max(most.1, range.last.1 - range.first.1)
      most.2 = max(most.2, range.last.2 - range.first.2)
      most.3 = max(most.3, range.last.3 - range.first.3)
    }
    total = range.last
    self.count = count
    self.ranges = ranges
  }

  func range(_ block: Int) -> losskit_range {
    if let ranges { return ranges[block] }
    var range = losskit_range()
    range.first.1 = block * size
    range.last.1 = min(range.first.1 + size, total.1)
    return range
  }

  func deallocate() { ranges?.deallocate() }
}

/// A part during a run: its numbers and the columns that it keeps between phases.
struct RunningPart {
  let rows: losskit_rows
  private let inputs, outputs: UnsafePointer<losskit_host_column>?
  /// Unretained, since retaining costs more than a few pairs take; the caller keeps the plan alive.
  private let unownedPlan: Unmanaged<Plan>
  let blocks: Blocks
  let scalars: UnsafeMutablePointer<Double>
  /// The partial results of each statistic by block, followed by a failure flag per block.
  let partials: UnsafeMutablePointer<Double>
  let kept: UnsafeMutablePointer<UnsafeMutablePointer<Double>?>

  var plan: Plan { unownedPlan._withUnsafeGuaranteedRef { $0 } }

  /// The number of doubles of memory that `init` takes.
  static func storage(_ plan: Plan, _ blocks: Blocks) -> Int {
    var count = plan.scalarTemplate.count + (plan.statisticCount + 1) * blocks.count + plan.keptExtents.count
    for extent in plan.keptExtents { count += blocks.keptRows(extent) }
    return count
  }

  init(
    _ plan: Plan, _ rows: losskit_rows, inputs: UnsafePointer<losskit_host_column>?,
    outputs: UnsafePointer<losskit_host_column>?, _ blocks: Blocks, storage: UnsafeMutablePointer<Double>
  ) {
    self.rows = rows
    self.inputs = inputs
    self.outputs = outputs
    unownedPlan = Unmanaged.passUnretained(plan)
    self.blocks = blocks
    scalars = storage
    partials = storage + plan.scalarTemplate.count
    if let template = plan.scalarTemplate.baseAddress {
      scalars.initialize(from: template, count: plan.scalarTemplate.count)
    }
    let columns = partials + (plan.statisticCount + 1) * blocks.count
    let count = plan.keptExtents.count
    kept = UnsafeMutableRawPointer(columns).bindMemory(to: UnsafeMutablePointer<Double>?.self, capacity: count)
    var free = columns + count
    for (index, extent) in plan.keptExtents.enumerated() {
      kept[index] = free
      free += blocks.keptRows(extent)
      (free - Blocks.padding).initialize(repeating: 0, count: Blocks.padding)
    }
  }

  /// Fills in the batch's numbers that are known before the run.
  func prepare(_ call: RunCall, prompts: Int) {
    for (scalar, source) in plan.scalarSources {
      scalars[scalar] =
        switch source {
        case .parameter(let index): call.parameters?[index] ?? .nan
        case .state(let index): call.state?[index] ?? .nan
        case .count(.response): Double(call.responseCount)
        case .count(.token): Double(call.tokenCount)
        case .count: Double(prompts)
        }
    }
  }

  func runScalars(_ phase: Plan.Phase) {
    for instruction in phase.scalars {
      scalars[instruction.result] = instruction.operation(
        scalars[instruction.a], scalars[instruction.b], scalars[instruction.c])
    }
  }

  /// Runs the stages of a phase over all blocks; returns whether a number was not finite.
  func runStages(_ phase: Plan.Phase, _ call: RunCall, _ schedule: BlockSchedule) -> Bool {
    guard phase.stages.count > 0 else { return false }
    var run = losskit_run()
    run.rows = rows
    run.finest = UInt32(plan.finest.rawValue)
    run.temporaries = plan.temporaries
    run.most = blocks.most
    run.tile_columns = UInt32(plan.tileColumns)
    run.stage_count = UInt32(phase.stages.count)
    run.stages = phase.stages.baseAddress
    run.inputs = inputs
    run.outputs = outputs
    run.scalars = UnsafePointer(scalars)
    run.kept = UnsafePointer(kept)
    run.partials = partials
    run.block_count = blocks.count
    run.seed = call.seed
    run.level = call.level
    run.is_checked = call.isChecked ? 1 : 0
    let scratch = losskit_run_scratch(&run)
    let failed = partials + plan.statisticCount * blocks.count
    withUnsafePointer(to: run) { run in
      schedule(blocks.count) { block in
        var range = blocks.range(block)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: scratch) {
          failed[block] = Double(losskit_run_block(run, &range, block, $0.baseAddress))
        }
      }
    }
    guard call.isChecked else { return false }
    for block in 0..<blocks.count where failed[block] != 0 { return true }
    return false
  }
}

extension Blocks {
  /// The rows after those of a kept column: the last vector of the last tile may extend past the last row.
  fileprivate static let padding = 8

  /// The rows of a kept column.
  fileprivate func keptRows(_ extent: Extent) -> Int { rows(extent) + Self.padding }

  /// The rows of all blocks at an extent.
  private func rows(_ extent: Extent) -> Int {
    switch extent {
    case .batch: 1
    case .prompt: total.1
    case .response: total.2
    case .token: total.3
    }
  }
}
