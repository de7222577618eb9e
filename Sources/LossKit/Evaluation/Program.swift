import CLossKitKernels

/// A graph made ready to run: numbers of the whole batch by the C library, rows by vector kernels, batch statistics between.
///
/// A stage ends where something needs all rows: a mean, a sort. A rowwise graph has one stage, and is run in blocks.
package final class Program: Sendable {
  /// A column that a run is given.
  package enum External: Hashable, Sendable {
    case input(InputSlot), rowIndex, uniform(stream: UInt32)
    case tokenIndex, tokenCount, tokenShortest, tokenRandomRank(stream: UInt32)
    /// The factor of an output's derivative.
    case cotangent(output: Int)
  }

  /// Where a value lies while a program runs.
  enum Place: Hashable, Sendable {
    /// A number of the whole batch.
    case scalar(Int)
    /// A column that the run is given.
    case external(Int)
    /// A column that the run keeps from stage to stage.
    case temporary(Int)
  }

  struct ScalarInstruction: Sendable {
    let operation: Operation
    let result, a, b, c: Int
  }

  struct BatchInstruction: Sendable {
    let operation: Operation
    /// Pairs the statistics of the parts of a mixed batch.
    let serial: Int
    let operand: Place
    let key: Place?
    let result: Place
  }

  /// What the kernels run: instructions, and which columns they read and write.
  struct Segment: Sendable {
    var instructions: [losskit_instruction] = []
    var registers = 0
    var inputs: [Place] = []
    var results: [Result] = []
  }

  enum Result: Hashable, Sendable { case output(Int), temporary(Int) }

  struct Stage: Sendable {
    var scalars: [ScalarInstruction] = []
    var segment = Segment()
    var batch: [BatchInstruction] = []
  }

  enum ScalarSource: Sendable { case parameter(Int), state(Int), batchCount }

  /// The columns a run is given, in the order it wants them.
  package let externals: [External]
  /// The number of columns it writes.
  package let outputCount: Int
  let stages: [Stage]
  let scalarTemplate: [Double]
  let scalarSources: [(scalar: Int, source: ScalarSource)]
  let temporaryCount: Int
  /// The scalar that holds each state's value after the call.
  let stateResults: [Int]

  init(
    externals: [External], outputCount: Int, stages: [Stage], scalarTemplate: [Double],
    scalarSources: [(scalar: Int, source: ScalarSource)], temporaryCount: Int, stateResults: [Int]
  ) {
    self.externals = externals
    self.outputCount = outputCount
    self.stages = stages
    self.scalarTemplate = scalarTemplate
    self.scalarSources = scalarSources
    self.temporaryCount = temporaryCount
    self.stateResults = stateResults
    let countsBatch = scalarSources.contains { if case .batchCount = $0.source { true } else { false } }
    isRowwise = stages.count == 1 && stages[0].batch.isEmpty && !countsBatch
    streamed = StreamedSegment(stages[0].segment)
    needsGeneratedColumns = externals.contains {
      switch $0 {
      case .rowIndex, .uniform: true
      default: false
      }
    }
  }

  /// Whether rows can be run apart from each other.
  package let isRowwise: Bool
  /// The first stage, for a host's columns.
  let streamed: StreamedSegment
  /// Whether it reads row numbers or random numbers.
  let needsGeneratedColumns: Bool
}
