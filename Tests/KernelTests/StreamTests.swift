import CLossKitKernels
import Testing

/// Block-by-block runs over a host's columns, compared with whole columns of doubles.
@Suite struct StreamTests {
  /// Three outputs of two inputs; the first is summed.
  static let program = Program(
    instructions: [
      instruction(LOSSKIT_KERNEL_SUBTRACT, [.input(0), .input(1)], to: .register(0)),
      instruction(LOSSKIT_KERNEL_MULTIPLY, [.register(0), .scalar(0)], to: .register(0)),
      instruction(LOSSKIT_KERNEL_SOFTPLUS, [.register(0)], to: .output(0)),
      instruction(LOSSKIT_KERNEL_SIGMOID, [.output(0)], to: .output(1)),
      instruction(LOSSKIT_KERNEL_MULTIPLY, [.input(0), .input(1)], to: .output(2)),
    ], registers: 1, outputs: 3)

  /// A host's column in memory that ends at an inaccessible page.
  private final class HostNumbers {
    let memory: GuardedColumn
    let column: losskit_host_column
    private let rows: Int

    init(_ values: [Double], isFloat: Bool, spacing: Int, factor: Double = 1) throws {
      rows = values.count
      let size = isFloat ? 4 : 8
      let stride = size * spacing
      let words = (rows * stride + 7) / 8
      memory = try GuardedColumn(repeating: 0, count: words)
      // The last entry ends at the end of the memory.
      let first = UnsafeMutableRawPointer(memory.values + words) - (rows - 1) * stride - size
      column = losskit_host_column(
        data: first, stride: stride, rank_stride: 0, factor: factor, is_float: isFloat ? 1 : 0, is_ragged: 0)
      for (row, value) in values.enumerated() {
        if isFloat {
          first.storeBytes(of: Float(value), toByteOffset: row * stride, as: Float.self)
        } else {
          first.storeBytes(of: value, toByteOffset: row * stride, as: Double.self)
        }
      }
    }

    subscript(row: Int) -> Double {
      guard let data = column.data else { return .nan }
      return column.is_float != 0
        ? Double(data.loadUnaligned(fromByteOffset: row * column.stride, as: Float.self))
        : data.loadUnaligned(fromByteOffset: row * column.stride, as: Double.self)
    }
  }

  private func stream(
    _ inputs: [HostNumbers], less subtracted: [HostNumbers] = [], into outputs: [losskit_host_column], rows: Range<Int>,
    level: Int32, running program: Program = StreamTests.program
  ) throws -> (problem: Int32, sum: Double) {
    try program.run(
      inputs.map(\.column), less: subtracted.map(\.column), into: outputs, scalars: [0.3], rows: rows, level: level)
  }

  private static func values(_ rows: Int) -> [[Double]] {
    // Exactly representable as floats.
    (0..<2).map { column in
      (0..<rows).map { row -> Double in
        let step = (row * 37 + column * 11) % 101
        return Double(step) / 8 - 6
      }
    }
  }

  @Test(arguments: [1, 3, 8, 255, 256, 257, 1030], levels)
  func agreesWithWholeColumns(rows: Int, level: Int32) throws {
    let values = Self.values(rows)
    let expected = try Self.program.run(values, scalars: [0.3], rows: rows, level: level)
    for (isFloat, spacing) in [(false, 1), (false, 3), (true, 1), (true, 2)] {
      let inputs = try values.map { try HostNumbers($0, isFloat: isFloat, spacing: spacing) }
      let zeros = [Double](repeating: 0, count: rows)
      let factor = 0.37
      let outputs = try (0..<3).map { _ in
        try HostNumbers(zeros, isFloat: isFloat, spacing: spacing, factor: factor)
      }
      // In two parts: the second does not access memory before its first row.
      let middle = rows / 3
      var sum = 0.0
      for part in [0..<middle, middle..<rows] {
        let result = try stream(inputs, into: outputs.map(\.column), rows: part, level: level)
        #expect(result.problem == 0)
        sum += result.sum
      }
      for (output, expected) in zip(outputs, expected) {
        for row in 0..<rows {
          let scaled = expected[row] * factor
          #expect(output[row] == (isFloat ? Double(Float(scaled)) : scaled), "row \(row) of \(rows)")
        }
      }
      #expect(abs(sum - expected[0].reduce(0, +)) <= 1e-12 * Double(rows))
    }
  }

  /// Floats and doubles, contiguous and strided, for inputs and outputs.
  @Test(arguments: [1, 8, 256, 300], levels)
  func readsDifferencesAsTheyAreSubtracted(rows: Int, level: Int32) throws {
    let program = Program(
      instructions: [instruction(LOSSKIT_KERNEL_COPY, [.input(0)], to: .output(0))], registers: 0, outputs: 1)
    let values = Self.values(rows)
    let layouts = [(false, 1), (false, 3), (true, 1), (true, 2)]
    for (first, second) in layouts.flatMap({ first in layouts.map { (first, $0) } }) {
      let minuend = try HostNumbers(values[0], isFloat: first.0, spacing: first.1)
      let subtrahend = try HostNumbers(values[1], isFloat: second.0, spacing: second.1)
      let output = try HostNumbers([Double](repeating: 0, count: rows), isFloat: false, spacing: 1)
      let result = try stream(
        [minuend], less: [subtrahend], into: [output.column], rows: 0..<rows, level: level, running: program)
      #expect(result.problem == 0)
      for row in 0..<rows { #expect(output[row] == values[0][row] - values[1][row]) }
      for wrong in [Double.infinity, .nan] {
        var others = values[1]
        others[rows / 2] = wrong
        // Including infinity minus infinity.
        for minuend in [minuend, try HostNumbers(others, isFloat: first.0, spacing: first.1)] {
          let subtrahend = try HostNumbers(others, isFloat: second.0, spacing: second.1)
          #expect(
            try stream(
              [minuend], less: [subtrahend], into: [output.column], rows: 0..<rows, level: level, running: program
            ).problem == 1)
        }
      }
    }
  }

  @Test(arguments: [0, 7, 255, 256, 299], levels)
  func findsWhatIsNotFinite(row: Int, level: Int32) throws {
    let rows = 300
    for wrong in [Double.infinity, -.infinity, .nan] {
      for isFloat in [false, true] {
        var values = Self.values(rows)
        values[1][row] = wrong
        let inputs = try values.map { try HostNumbers($0, isFloat: isFloat, spacing: 1) }
        let nowhere = [losskit_host_column](repeating: losskit_host_column(), count: 3)
        #expect(try stream(inputs, into: nowhere, rows: 0..<rows, level: level).problem == 1)
        #expect(try stream(inputs, into: nowhere, rows: 0..<row, level: level).problem == 0)
      }
    }
  }

  /// Numbers that fit a double but not a float, contiguous and strided, at any position.
  @Test(arguments: [0, 7, 255, 256, 299], levels)
  func findsWhatAFloatDoesNotHold(row: Int, level: Int32) throws {
    let program = Program(
      instructions: [instruction(LOSSKIT_KERNEL_COPY, [.input(0)], to: .output(0))], registers: 0, outputs: 1)
    var values = Self.values(300)[0]
    for (wrong, isHeld) in [(3.5e38, false), (-3.5e38, false), (3.4e38, true)] {
      values[row] = wrong
      let input = try HostNumbers(values, isFloat: false, spacing: 1)
      for (isFloat, spacing) in [(true, 1), (true, 3), (false, 1), (false, 2)] {
        let output = try HostNumbers([Double](repeating: 0, count: 300), isFloat: isFloat, spacing: spacing)
        let result = try stream([input], into: [output.column], rows: 0..<300, level: level, running: program)
        #expect(result.problem == (isHeld || !isFloat ? 0 : 1))
      }
    }
  }

  /// Finite inputs whose product is not finite; it is detected even if the output is not requested.
  @Test(arguments: levels)
  func findsWhatOverflows(level: Int32) throws {
    var values = Self.values(300)
    values[0][41] = 1e300
    values[1][41] = 1e300
    let inputs = try values.map { try HostNumbers($0, isFloat: false, spacing: 1) }
    for isWanted in [false, true] {
      let target = try HostNumbers([Double](repeating: 0, count: 300), isFloat: true, spacing: 1)
      let outputs = [losskit_host_column(), losskit_host_column(), isWanted ? target.column : losskit_host_column()]
      #expect(try stream(inputs, into: outputs, rows: 0..<300, level: level).problem == 1)
    }
  }
}
