import CLossKitKernels
import Testing

@Suite struct RowTests {
  /// Every kernel over two columns, with the result written to an output directly or through a register.
  static let program: Program = {
    var instructions: [losskit_instruction] = []
    let kernels = operandCounts.sorted { $0.key < $1.key }
    for (index, kernel) in kernels.enumerated() {
      let operands = [Place.input(index % 2), .input(1 - index % 2), .scalar(0)][..<kernel.value]
      let result = index % 3 == 0 ? Place.output(index) : .register(index)
      instructions.append(instruction(kernel.key, Array(operands), to: result))
      if case .register = result {
        instructions.append(instruction(LOSSKIT_KERNEL_COPY, [result], to: .output(index)))
      }
    }
    return Program(instructions: instructions, registers: kernels.count, outputs: kernels.count)
  }()

  /// A row's result has the same bits whatever its neighbors, and nothing is accessed before the first row or after
  /// the last: all memory is guarded.
  @Test(arguments: Array(1...9) + [31, 255, 256, 257, 511, 640], levels)
  func rowsDoNotDependOnEachOther(pieceLength: Int, level: Int32) throws {
    var samples = Samples(seed: 4)
    let rows = 640
    let columns = (0..<2).map { _ in Array(samples.column(rows)[..<rows]) }
    let whole = try RowTests.program.run(columns, scalars: [1.25], rows: rows, level: level)
    for start in stride(from: 0, to: rows, by: pieceLength) {
      let piece = start..<min(start + pieceLength, rows)
      let slices = columns.map { Array($0[piece]) }
      let outputs = try RowTests.program.run(slices, scalars: [1.25], rows: piece.count, level: level)
      for (kernel, (output, expected)) in zip(outputs, whole).enumerated() {
        #expect(output.bits == Array(expected[piece]).bits, "kernel \(kernel), rows \(piece)")
      }
    }
  }

  /// The same number gives the same bits in every lane, whatever is in the other lanes.
  @Test(arguments: levels) func lanesDoNotDependOnEachOther(level: Int32) throws {
    let vector = 8
    for kernel in roundedKernels {
      let expected = try Samples.special.map { try results(of: kernel.code, [[$0]], level: level)[0] }
      for neighbour in [0.5, -3, 1e300, -745.2, .infinity, .nan] {
        // Each number in each lane of a separate vector.
        var column = Array(repeating: neighbour, count: Samples.special.count * vector * vector)
        let rows = Samples.special.indices.map { index in (0..<vector).map { (index * vector + $0) * vector + $0 } }
        for (value, rows) in zip(Samples.special, rows) { for row in rows { column[row] = value } }
        let results = try results(of: kernel.code, [column], level: level)
        for (index, rows) in rows.enumerated() {
          let alone = Array(repeating: expected[index], count: vector)
          #expect(rows.map { results[$0] }.bits == alone.bits, "\(kernel) of \(Samples.special[index]) by \(neighbour)")
        }
      }
    }
  }

  @Test(arguments: levels) func noRowsDoNothing(level: Int32) throws {
    let outputs = try RowTests.program.run([[], []], scalars: [1], rows: 0, level: level)
    #expect(outputs.joined().isEmpty)
  }
}
