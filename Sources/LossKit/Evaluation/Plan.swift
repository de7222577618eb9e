import CLossKitKernels

/// A compiled graph. Numbers of the whole batch are computed with the C library, rows with vector kernels.
///
/// A plan is a list of phases. A phase runs its stages over each block of prompts, and ends with what needs all rows: a sum over the
/// batch or a sort. In a plan of one phase without statistics, prompts are independent.
///
/// Sendable although it holds pointers: their memory is written in `init` only, before the plan is shared.
package final class Plan: @unchecked Sendable {
  /// A column that a run reads.
  package enum External: Hashable, Sendable {
    /// A slot of a column, one number per prompt.
    case input(InputSlot)
    /// A whole column, of one reference if it is per reference.
    case column(Int, reference: Int)
    /// The cotangent of an output.
    case cotangent(output: Int)
  }

  struct ScalarInstruction {
    let operation: Operation
    let result, a, b, c: Int
  }

  enum ScalarSource {
    case parameter(Int), state(Int)
    case count(Extent)
  }

  /// A sum over all blocks and all parts of a batch.
  struct Statistic {
    let isLargest: Bool
    /// Pairs the statistic with those of the other parts.
    let serial: Double
    let scalar: Int
  }

  /// A sort of a kept column over the batch.
  struct Sort {
    let serial: Double
    /// Kept columns.
    let key, value, result: Int
    /// Whether values in the key's order are scattered back to their rows.
    let isInverse: Bool
    /// The number of the key among the plan's.
    var order = 0
    /// Whether no sort before has the key.
    var isFirst = true
  }

  struct Phase {
    /// Runs before the stages.
    let scalars: UnsafeBufferPointer<ScalarInstruction>
    let stages: UnsafeBufferPointer<losskit_stage>
    /// Run after the stages, in this order.
    let statistics: UnsafeBufferPointer<Statistic>
    let sorts: UnsafeBufferPointer<Sort>
  }

  let phases: UnsafeBufferPointer<Phase>
  /// The columns that a run reads, in the order of its inputs.
  package let externals: UnsafeBufferPointer<External>
  /// The number of columns that a run writes.
  package let outputCount: Int
  let scalarTemplate: UnsafeBufferPointer<Double>
  let scalarSources: UnsafeBufferPointer<(scalar: Int, source: ScalarSource)>
  /// The scalar that holds each state's value after the call.
  let stateResults: UnsafeBufferPointer<Int>
  /// The scalars that hold the requested numbers of the whole batch.
  let numbers: UnsafeBufferPointer<Int>
  let keptExtents: UnsafeBufferPointer<Extent>
  /// The number of temporaries of each extent that a block needs.
  let temporaries: (UInt32, UInt32, UInt32, UInt32)
  /// The finest extent with rows.
  let finest: Extent
  /// The largest total of registers, reads and outputs of a stage.
  let tileColumns: Int
  let statisticCount: Int
  /// The number of sorted keys, and the largest number of them that one phase sorts.
  let orderCount, sortedAtOnce: Int
  /// The memory of runs that keep columns.
  let runMemory = KeptMemory()
  private let memory: [UnsafeMutableRawPointer]

  init(_ draft: PlanDraft) {
    var memory: [UnsafeMutableRawPointer] = []
    func lend<Element>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
      if elements.isEmpty { return UnsafeBufferPointer(start: nil, count: 0) }
      let copy = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
      _ = copy.initialize(from: elements)
      if let base = copy.baseAddress { memory.append(UnsafeMutableRawPointer(base)) }
      return UnsafeBufferPointer(copy)
    }
    var orders: [Int: Int] = [:]
    phases = lend(
      draft.phases.map { phase in
        let sorts = phase.sorts.map { sort in
          var sort = sort
          sort.isFirst = orders[sort.key] == nil
          sort.order = orders[sort.key, default: orders.count]
          orders[sort.key] = sort.order
          return sort
        }
        let stages = phase.stages.map { stage in
          losskit_stage(
            extent: UInt32(stage.extent.rawValue), registers: UInt32(stage.registers),
            read_count: UInt32(stage.reads.count), instruction_count: UInt32(stage.instructions.count),
            output_count: UInt32(stage.outputs.count), action_count: UInt32(stage.actions.count),
            sweep_count: UInt32(stage.sweeps.count), reads: lend(stage.reads).baseAddress,
            instructions: lend(stage.instructions).baseAddress, outputs: lend(stage.outputs).baseAddress,
            actions: lend(stage.actions).baseAddress, sweeps: lend(stage.sweeps).baseAddress)
        }
        return Phase(
          scalars: lend(phase.scalars), stages: lend(stages), statistics: lend(phase.statistics), sorts: lend(sorts))
      })
    orderCount = orders.count
    sortedAtOnce = phases.map { $0.sorts.count(where: \.isFirst) }.max() ?? 0
    externals = lend(draft.externals)
    outputCount = draft.outputCount
    scalarTemplate = lend(draft.scalarTemplate)
    scalarSources = lend(draft.scalarSources)
    stateResults = lend(draft.stateResults)
    numbers = lend(draft.numbers)
    keptExtents = lend(draft.keptExtents)
    temporaries = (0, draft.temporaries[1], draft.temporaries[2], draft.temporaries[3])
    finest = draft.finest
    tileColumns =
      draft.phases.flatMap(\.stages).map { $0.registers + $0.reads.count + $0.outputs.count }.max() ?? 0
    statisticCount = draft.phases.map(\.statistics.count).max() ?? 0
    self.memory = memory
  }

  deinit { for pointer in memory { pointer.deallocate() } }
}

/// A plan under construction.
struct PlanDraft {
  /// The instructions and columns of one stage.
  struct Stage {
    var extent = Extent.prompt
    var reads: [losskit_read] = []
    var instructions: [losskit_instruction] = []
    var registers = 0
    /// The temporary of each output, or -1.
    var outputs: [Int32] = []
    var actions: [losskit_action] = []
    var sweeps: [losskit_sweep] = []
  }

  struct Phase {
    var scalars: [Plan.ScalarInstruction] = []
    var stages: [Stage] = []
    var statistics: [Plan.Statistic] = []
    var sorts: [Plan.Sort] = []
  }

  var phases: [Phase] = []
  var externals: [Plan.External] = []
  var outputCount = 0
  var scalarTemplate: [Double] = []
  var scalarSources: [(scalar: Int, source: Plan.ScalarSource)] = []
  var stateResults: [Int] = []
  var numbers: [Int] = []
  var keptExtents: [Extent] = []
  var temporaries = [UInt32](repeating: 0, count: Extent.allCases.count)
  var finest = Extent.prompt
}
