import CLossKitKernels
import Testing

@Suite struct OperandTests {
  /// Every placement of a kernel's operands and result gives the same as columns and an output.
  @Test(arguments: operandCounts.keys.sorted(), levels) func everyPlaceGivesTheSameResult(
    kernel: Int, level: Int32
  ) throws {
    let operands = try #require(operandCounts[kernel])
    var samples = Samples(seed: UInt64(kernel))
    let rows = 300
    let columns = (0..<3).map { _ in samples.column(rows) }
    let scalars = [0.75, -0.25, 2]
    var combinations = 1
    for _ in 0..<operands { combinations *= 3 }
    for combination in 0..<combinations {
      var places: [Place] = []
      var plain: [[Double]] = []
      var remaining = combination
      for operand in 0..<operands {
        let place = [Place.input(operand), .register(operand), .scalar(operand)][remaining % 3]
        places.append(place)
        plain.append(remaining % 3 == 2 ? Array(repeating: scalars[operand], count: rows) : columns[operand])
        remaining /= 3
      }
      let copies = (0..<3).map { instruction(LOSSKIT_KERNEL_COPY, [.input($0)], to: .register($0)) }
      let program = Program(
        instructions: copies + [
          instruction(kernel, places, to: .output(0)),
          // The result may overwrite an operand.
          instruction(kernel, places, to: .register(0)),
          instruction(LOSSKIT_KERNEL_COPY, [.register(0)], to: .output(1)),
        ], registers: 3, outputs: 2)
      let outputs = try program.run(columns, scalars: scalars, rows: rows, level: level)
      let expected = try results(of: kernel, plain.map { Array($0[..<rows]) }, level: level)
      #expect(outputs[0].bits == expected.bits, "\(places)")
      #expect(outputs[1].bits == expected.bits, "\(places)")
    }
  }

  @Test func levelOutOfRangeIsTakenToTheBest() throws {
    let column = Samples.special
    let best = try results(of: LOSSKIT_KERNEL_EXP, [column], level: losskit_kernel_level())
    for level in [Int32(LOSSKIT_LEVEL_AUTOMATIC), -1, 99] {
      #expect(try results(of: LOSSKIT_KERNEL_EXP, [column], level: level).bits == best.bits)
    }
  }
}
