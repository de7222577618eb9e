package import CLossKitKernels

/// The arguments of a run, except its columns.
package struct RunCall {
  package var parameters: UnsafePointer<Double>?
  /// Read, then set to the values after the call, unless the run fails.
  package var state: UnsafeMutablePointer<Double>?
  package var seed: UInt64 = 0
  /// The responses and tokens of the whole batch.
  package var responseCount = 0, tokenCount = 0
  package var level = Int32(LOSSKIT_LEVEL_AUTOMATIC)
  /// Whether a number that is read or written and not finite ends the run.
  package var isChecked = false

  package init() {}
}

/// Runs blocks in any order, on any threads.
package typealias BlockSchedule = (_ blocks: Int, _ run: (Int) -> Void) -> Void

/// Runs blocks one after the other.
package func runBlocksInOrder(_ blocks: Int, _ run: (Int) -> Void) {
  for block in 0..<blocks { run(block) }
}

/// A run of a whole batch, whose parts share their statistics phase by phase.
package enum BatchRun {
  /// Runs a plan over all prompts; returns whether all numbers were finite, if that is checked.
  ///
  /// `inputs` and `outputs` are in the plan's order; `numbers` receives the batch numbers that the plan was compiled for. A plan of one
  /// phase allocates nothing for a few prompts, where allocation would cost more than the arithmetic.
  package static func run(
    _ plan: Plan, _ rows: losskit_rows, inputs: UnsafePointer<losskit_host_column>?,
    outputs: UnsafePointer<losskit_host_column>?, _ call: RunCall, numbers: UnsafeMutablePointer<Double>? = nil,
    schedule: BlockSchedule = runBlocksInOrder
  ) -> Bool {
    let blocks = Blocks(plan, rows)
    defer { blocks.deallocate() }
    let size = RunningPart.storage(plan, blocks)
    return withMemory(of: plan, size + BatchOrders.storage(plan, prompts: rows.prompts)) { memory in
      let running = RunningPart(plan, rows, inputs: inputs, outputs: outputs, blocks, storage: memory)
      return withUnsafePointer(to: running) {
        run(UnsafeBufferPointer(start: $0, count: 1), call, memory + size, numbers, schedule)
      }
    }
  }

  /// Runs the parts of a batch of rankings of different lengths. Throws if their statistics do not pair.
  package static func run(
    _ parts: [BatchPart], _ call: RunCall, numbers: UnsafeMutablePointer<Double>? = nil,
    schedule: BlockSchedule = runBlocksInOrder
  ) throws -> Bool {
    try checkStatistics(parts.map(\.plan))
    guard let plan = parts.first?.plan else { return true }
    let blocks = parts.map { Blocks($0.plan, $0.rows) }
    defer { for blocks in blocks { blocks.deallocate() } }
    let sizes = zip(parts, blocks).map { RunningPart.storage($0.plan, $1) }
    let size = sizes.reduce(0, +)
    let prompts = parts.reduce(0) { $0 + $1.rows.prompts }
    return withMemory(of: plan, size + BatchOrders.storage(plan, prompts: prompts)) { memory in
      var storage = memory
      let running = parts.indices.map { index in
        defer { storage += sizes[index] }
        let part = parts[index]
        return RunningPart(
          part.plan, part.rows, inputs: part.inputs, outputs: part.outputs, blocks[index], storage: storage)
      }
      return withExtendedLifetime(parts) {
        running.withUnsafeBufferPointer { run($0, call, storage, numbers, schedule) }
      }
    }
  }

  /// Calls a closure with memory of `count` doubles, which the plan keeps for the next run if it needs columns of the batch's size.
  private static func withMemory(
    of plan: Plan, _ count: Int, _ body: (UnsafeMutablePointer<Double>) -> Bool
  ) -> Bool {
    guard plan.keptExtents.isEmpty else {
      let memory = plan.runMemory.take(count)
      defer { plan.runMemory.giveBack(memory) }
      return body(memory)
    }
    return withExtendedLifetime(plan) {
      withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { $0.baseAddress.map(body) ?? true }
    }
  }

  private static func run(
    _ parts: UnsafeBufferPointer<RunningPart>, _ call: RunCall, _ memory: UnsafeMutablePointer<Double>,
    _ numbers: UnsafeMutablePointer<Double>?, _ schedule: BlockSchedule
  ) -> Bool {
    guard let first = parts.first else { return true }
    let plan = first.plan
    var prompts = 0
    var phaseCount = 0
    for part in parts {
      prompts += part.rows.prompts
      phaseCount = max(phaseCount, part.plan.phases.count)
    }
    for part in parts { part.prepare(call, prompts: prompts) }
    let orders = BatchOrders(parts, prompts: prompts, memory: memory)
    for phase in 0..<phaseCount {
      for part in parts where phase < part.plan.phases.count {
        part.runScalars(part.plan.phases[phase])
        if part.runStages(part.plan.phases[phase], call, schedule) { return false }
      }
      guard phase < plan.phases.count else { continue }
      runStatistics(parts, phase)
      orders.run(phase: phase, schedule)
    }
    if call.isChecked {
      for scalar in plan.numbers where !first.scalars[scalar].isFinite { return false }
      for scalar in plan.stateResults where !first.scalars[scalar].isFinite { return false }
    }
    for index in plan.numbers.indices { numbers?[index] = first.scalars[plan.numbers[index]] }
    if let state = call.state {
      for index in plan.stateResults.indices { state[index] = first.scalars[plan.stateResults[index]] }
    }
    return true
  }

  /// Adds up the blocks of all parts, in a tree whose shape depends on their number alone.
  private static func runStatistics(_ parts: UnsafeBufferPointer<RunningPart>, _ phase: Int) {
    guard let first = parts.first else { return }
    let statistics = first.plan.phases[phase].statistics
    for index in statistics.indices {
      let statistic = statistics[index]
      if parts.count == 1 {
        let partials = UnsafeBufferPointer(
          start: first.partials + index * first.blocks.count, count: first.blocks.count)
        first.scalars[statistic.scalar] = combine(partials, statistic)
        continue
      }
      var values: [Double] = []
      for part in parts {
        guard let place = part.plan.phases[phase].place(of: statistic) else { continue }
        values += UnsafeBufferPointer(start: part.partials + place * part.blocks.count, count: part.blocks.count)
      }
      let value = values.withUnsafeBufferPointer { combine($0, statistic) }
      for part in parts {
        guard let place = part.plan.phases[phase].place(of: statistic) else { continue }
        part.scalars[part.plan.phases[phase].statistics[place].scalar] = value
      }
    }
  }

  private static func combine(_ partials: UnsafeBufferPointer<Double>, _ statistic: Plan.Statistic) -> Double {
    guard statistic.isLargest else { return pairwiseSum(partials) }
    return partials.reduce(-.infinity) { Operation.maximum($0, $1) }
  }

  private static func checkStatistics(_ plans: [Plan]) throws {
    for phase in 0..<(plans.map(\.phases.count).max() ?? 0) {
      let lists = plans.map { plan -> [Double] in
        guard phase < plan.phases.count else { return [] }
        return (plan.phases[phase].statistics.map(\.serial) + plan.phases[phase].sorts.map(\.serial)).sorted()
      }
      guard let first = lists.first, let other = lists.first(where: { $0 != first }) else { continue }
      guard first.count == other.count else {
        throw Failure(
          "the batch statistics of rankings of different length do not pair; use as many for every length")
      }
      let index = zip(first, other).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
      throw Failure(
        "the batch statistics of rankings of different length do not pair: statistic \(index + 1) of stage \(phase + 1) "
          + "depends on the number of responses; take batchMean over a sum of all responses")
    }
  }
}

extension Plan.Phase {
  /// The index of the statistic here that pairs with one of another part.
  fileprivate func place(of other: Plan.Statistic) -> Int? {
    statistics.firstIndex { $0.serial == other.serial && $0.isLargest == other.isLargest }
  }
}
