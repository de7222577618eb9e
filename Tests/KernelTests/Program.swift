import CLossKitKernels

/// The levels of this processor.
let levels = (LOSSKIT_LEVEL_BASELINE...Int(losskit_kernel_level())).map { Int32($0) }

/// The location of an operand or a result.
enum Place {
  case register(Int)
  case input(Int)
  case scalar(Int)
  case output(Int)

  var code: UInt32 {
    switch self {
    case .register(let index): LOSSKIT_IN_REGISTER + UInt32(index)
    case .input(let index): LOSSKIT_IN_INPUT + UInt32(index)
    case .scalar(let index): LOSSKIT_IN_SCALAR + UInt32(index)
    case .output(let index): LOSSKIT_IN_OUTPUT + UInt32(index)
    }
  }
}

/// One line of a program: `result = kernel(operands)`.
func instruction(_ kernel: Int, _ operands: [Place], to result: Place) -> losskit_instruction {
  let codes = operands.map(\.code) + [0, 0, 0]
  return losskit_instruction(kernel: UInt32(kernel), result: result.code, a: codes[0], b: codes[1], c: codes[2])
}

/// A program over memory that ends at an inaccessible page.
struct Program {
  var instructions: [losskit_instruction]
  var registers = 0
  var outputs = 1

  /// The outputs for these inputs, each of `rows` numbers.
  func run(_ inputs: [[Double]], scalars: [Double] = [], rows: Int, level: Int32) throws -> [[Double]] {
    let inputColumns = try inputs.map { try GuardedColumn($0[..<rows]) }
    let outputColumns = try (0..<outputs).map { _ in try GuardedColumn(repeating: .nan, count: rows) }
    func column(_ memory: GuardedColumn) -> losskit_host_column {
      losskit_host_column(
        data: memory.values, stride: MemoryLayout<Double>.stride, rank_stride: 0, factor: 1, is_float: 0, is_ragged: 0)
    }
    _ = try run(
      inputColumns.map(column), into: outputColumns.map(column), scalars: scalars, rows: 0..<rows, level: level,
      isChecked: false)
    return outputColumns.map(\.array)
  }

  /// Runs over some rows of a host's columns, minus others if given; the sum is that of the first output.
  func run(
    _ inputs: [losskit_host_column], less subtracted: [losskit_host_column] = [], into outputs: [losskit_host_column],
    scalars: [Double], rows: Range<Int>, level: Int32, isChecked: Bool = true
  ) throws -> (problem: Int32, sum: Double) {
    let reads = inputs.indices.map { index in
      losskit_read(
        kind: UInt32(LOSSKIT_READ_HOST), extent: 0, index: UInt32(index),
        other: index < subtracted.count ? Int32(inputs.count + index) : -1)
    }
    let writes = outputs.indices.map { index in
      losskit_action(kind: UInt32(LOSSKIT_ACTION_WRITE), output: UInt32(index), extent: 0, index: UInt32(index))
    }
    let sum = losskit_action(
      kind: UInt32(LOSSKIT_ACTION_SUM), output: 0, extent: UInt32(LOSSKIT_EXTENT_BATCH), index: 0)
    let temporaries = outputs.map { _ in Int32(-1) }
    let actions = writes + [sum]
    let columns = inputs + subtracted
    var partial = Double.nan
    let problem = try instructions.withUnsafeBufferPointer { instructions in
      try reads.withUnsafeBufferPointer { reads in
        try actions.withUnsafeBufferPointer { actions in
          try temporaries.withUnsafeBufferPointer { temporaries in
            var stage = losskit_stage(
              extent: UInt32(LOSSKIT_EXTENT_PROMPT), registers: UInt32(registers), read_count: UInt32(reads.count),
              instruction_count: UInt32(instructions.count), output_count: UInt32(outputs.count),
              action_count: UInt32(actions.count), sweep_count: 0, reads: reads.baseAddress,
              instructions: instructions.baseAddress, outputs: temporaries.baseAddress, actions: actions.baseAddress,
              sweeps: nil)
            return try columns.withUnsafeBufferPointer { columns in
              try outputs.withUnsafeBufferPointer { outputs in
                try scalars.withUnsafeBufferPointer { scalars in
                  try withUnsafePointer(to: &stage) { stage in
                    var run = losskit_run()
                    run.rows.prompts = rows.upperBound
                    run.finest = UInt32(LOSSKIT_EXTENT_PROMPT)
                    run.most.1 = rows.count
                    run.tile_columns = UInt32(registers + reads.count + outputs.count)
                    run.stage_count = 1
                    run.stages = stage
                    run.inputs = columns.baseAddress
                    run.outputs = outputs.baseAddress
                    run.scalars = scalars.baseAddress
                    run.block_count = 1
                    run.level = level
                    run.is_checked = isChecked ? 1 : 0
                    let scratch = try GuardedColumn(repeating: .signalingNaN, count: losskit_run_scratch(&run))
                    var range = losskit_range()
                    (range.first.1, range.last.1) = (rows.lowerBound, rows.upperBound)
                    return withUnsafeMutablePointer(to: &partial) {
                      run.partials = $0
                      return losskit_run_block(&run, &range, 0, scratch.values)
                    }
                  }
                }
              }
            }
          }
        }
      }
    }
    return (problem, partial)
  }
}

/// The results of one kernel over columns of equal length.
func results(of kernel: Int, _ columns: [[Double]], level: Int32) throws -> [Double] {
  let program = Program(instructions: [instruction(kernel, columns.indices.map { .input($0) }, to: .output(0))])
  return try program.run(columns, rows: columns[0].count, level: level)[0]
}

extension Array where Element == Double {
  /// The key for comparing results: equal numbers, zeros of the same sign, any NaN.
  var bits: [UInt64] { map { $0.isNaN ? Double.nan.bitPattern : $0.bitPattern } }
}
