import CLossKitKernels

/// The levels this processor has.
let levels = (LOSSKIT_LEVEL_BASELINE...Int(losskit_kernel_level())).map { Int32($0) }

/// Where an operand lies, or a result.
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

/// A program over memory that ends where the process may not read or write any further.
struct Program {
  var instructions: [losskit_instruction]
  var registers = 0
  var outputs = 1

  /// The outputs for these inputs, each of `rows` numbers.
  func run(_ inputs: [[Double]], scalars: [Double] = [], rows: Int, level: Int32) throws -> [[Double]] {
    let inputColumns = try inputs.map { try GuardedColumn($0[..<rows]) }
    let outputColumns = try (0..<outputs).map { _ in try GuardedColumn(repeating: .nan, count: rows) }
    let scratch = try GuardedColumn(
      repeating: .signalingNaN, count: losskit_scratch_size(registers, inputs.count, outputs))
    losskit_run(
      instructions, instructions.count, registers, inputColumns.map { UnsafePointer($0.values) }, inputs.count, scalars,
      outputColumns.map(\.values), outputs, scratch.values, rows, level)
    return outputColumns.map(\.array)
  }
}

/// The results of one kernel over columns of equal length.
func results(of kernel: Int, _ columns: [[Double]], level: Int32) throws -> [Double] {
  let program = Program(instructions: [instruction(kernel, columns.indices.map { .input($0) }, to: .output(0))])
  return try program.run(columns, rows: columns[0].count, level: level)[0]
}

extension Array where Element == Double {
  /// What two results are compared by: equal numbers, zeros of one sign, any NaN.
  var bits: [UInt64] { map { $0.isNaN ? Double.nan.bitPattern : $0.bitPattern } }
}
