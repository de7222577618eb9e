import CLossKitKernels
import Testing

@Suite struct AccuracyTests {
  @Test func everyKernelIsTested() {
    #expect(operandCounts.keys.sorted() == Array(0..<LOSSKIT_KERNEL_COUNT))
  }

  @Test(arguments: roundedKernels, levels) func agreesWithTheMathematics(kernel: Kernel, level: Int32) throws {
    guard case .rounded(let ulps, let function) = kernel.definition else { return }
    var samples = Samples(seed: 1)
    let column = samples.column(10_000)
    let results = try results(of: kernel.code, [column], level: level)
    var worst = (error: 0.0, index: 0)
    for index in column.indices {
      let error = errorInUlps(of: results[index], exact: function(Wide(column[index])))
      if error > worst.error { worst = (error, index) }
    }
    #expect(
      worst.error <= ulps, "\(kernel) of \(column[worst.index]) is \(results[worst.index]), \(worst.error) ulp off")
  }

  @Test(arguments: exactKernels, levels) func isExactlyRounded(kernel: Kernel, level: Int32) throws {
    guard case .exact(let function) = kernel.definition else { return }
    var samples = Samples(seed: 2)
    var columns = (0..<kernel.operands).map { _ in samples.column(10_000) }
    // Every pair of special numbers.
    for first in Samples.special {
      for second in Samples.special {
        for operand in columns.indices { columns[operand].append(operand == 0 ? first : second) }
      }
    }
    let results = try results(of: kernel.code, columns, level: level)
    let expected = columns[0].indices.map { row in function(columns.map { $0[row] }) }
    for (row, (result, expected)) in zip(results.bits, expected.bits).enumerated() where result != expected {
      Issue.record("\(kernel) of \(columns.map { $0[row] }) is \(results[row])")
    }
  }

  @Test(arguments: levels) func sharedFunctionsGiveTheSameBits(level: Int32) throws {
    var samples = Samples(seed: 3)
    let column = samples.column(4_000)
    let exponential = try results(of: LOSSKIT_KERNEL_EXP_NEGATIVE_ABS, [column.map { -$0 }], level: level)
    let logarithm = try results(of: LOSSKIT_KERNEL_LOG1P, [exponential], level: level)
    for kernel in sharingKernels {
      let other = kernel.takesLogarithm ? logarithm : exponential
      let shared = try results(of: kernel.sharing, [column, other], level: level)
      let operand = kernel.isOfNegative ? column.map { -$0 } : column
      let alone = try results(of: kernel.alone, [operand], level: level)
      #expect(shared.bits == alone.bits)
    }
  }

  /// 60-digit arithmetic, rounded to 25 digits: independent of the C library.
  static let constants: [(kernel: Int, argument: Double, value: Double)] = [
    (LOSSKIT_KERNEL_EXP, 709.5, 1.354986319314632830876632e+308),
    (LOSSKIT_KERNEL_EXPM1, -1e-3, -0.0009995001666250083527405183),
    (LOSSKIT_KERNEL_EXPM1, 1e-10, 1.000000000050000036433864e-10),
    (LOSSKIT_KERNEL_EXPM1, 700, 1.01423205473500450945533e+304),
    (LOSSKIT_KERNEL_LOG, 0x1p-1074, -744.4400719213812623141073),
    (LOSSKIT_KERNEL_LOG, 0.99999999999, -1.000000082745370999917811e-11),
    (LOSSKIT_KERNEL_LOG, 1e300, 690.7755278982137052579022),
    (LOSSKIT_KERNEL_LOG1P, -0.999999, -13.81551055793551843959215),
    (LOSSKIT_KERNEL_LOG1P, -1e-5, -0.00001000005000033333665139205),
    (LOSSKIT_KERNEL_LOG1P, 1e16, 36.84136148790473104428786),
    (LOSSKIT_KERNEL_TANH, -1e-8, -9.999999999999999875892275e-9),
    (LOSSKIT_KERNEL_TANH, 0.25, 0.2449186624037091292778011),
    (LOSSKIT_KERNEL_SIGMOID, -700, 9.859676543759770856705373e-305),
    (LOSSKIT_KERNEL_SIGMOID, -1, 0.2689414213699951207488408),
    (LOSSKIT_KERNEL_SIGMOID, 37, 0.9999999999999999146695237),
    (LOSSKIT_KERNEL_LOG_SIGMOID, -1000, -1000),
    (LOSSKIT_KERNEL_LOG_SIGMOID, -1, -1.313261687518222834048995),
    (LOSSKIT_KERNEL_LOG_SIGMOID, 40, -4.248354255291588986304978e-18),
    (LOSSKIT_KERNEL_SOFTPLUS, -700, 9.859676543759770856705373e-305),
    (LOSSKIT_KERNEL_SOFTPLUS, -0.5, 0.4740769841801066808729974),
    (LOSSKIT_KERNEL_SOFTPLUS, 1000, 1000),
    (LOSSKIT_KERNEL_LOG1MEXP, -700, -9.859676543759770856705373e-305),
    (LOSSKIT_KERNEL_LOG1MEXP, -0.7, -0.6863410028083851534992153),
    (LOSSKIT_KERNEL_LOG1MEXP, -0.69, -0.6963042971440567057400346),
    (LOSSKIT_KERNEL_LOG1MEXP, -1e-10, -23.0258509299904568037473),
    (LOSSKIT_KERNEL_LOG1MEXP, -0x1p-1074, -744.4400719213812623141073),
  ]

  @Test(arguments: levels) func agreesWithPublishedDigits(level: Int32) throws {
    for constant in AccuracyTests.constants {
      let result = try results(of: constant.kernel, [[constant.argument]], level: level)[0]
      let error = (result - constant.value).magnitude / constant.value.ulp
      #expect(error <= 6, "kernel \(constant.kernel) of \(constant.argument) is \(result)")
    }
  }

  @Test(arguments: levels) func edges(level: Int32) throws {
    func value(_ kernel: Int, _ argument: Double) throws -> Double {
      try results(of: kernel, [[argument]], level: level)[0]
    }
    #expect(try value(LOSSKIT_KERNEL_LOG1MEXP, 0) == -.infinity)
    #expect(try value(LOSSKIT_KERNEL_LOG1MEXP, -0.0) == -.infinity)
    #expect(try value(LOSSKIT_KERNEL_LOG1MEXP, 1e-300).isNaN)
    #expect(try value(LOSSKIT_KERNEL_LOG1MEXP, -.infinity) == 0)
    #expect(try value(LOSSKIT_KERNEL_LOG_SIGMOID, -.infinity) == -.infinity)
    #expect(try value(LOSSKIT_KERNEL_LOG_SIGMOID, .infinity) == 0)
    #expect(try value(LOSSKIT_KERNEL_SIGMOID, -.infinity) == 0)
    #expect(try value(LOSSKIT_KERNEL_SIGMOID, .infinity) == 1)
    #expect(try value(LOSSKIT_KERNEL_SIGN, -0.0).sign == .plus)
    for kernel in [LOSSKIT_KERNEL_EXPM1, LOSSKIT_KERNEL_LOG1P, LOSSKIT_KERNEL_TANH] {
      #expect(try value(kernel, -0.0).sign == .minus)
      #expect(try value(kernel, 0).sign == .plus)
    }
  }
}

/// The distance in units of the last place of the exact value; 0 if both are NaN or the same infinity.
private func errorInUlps(of result: Double, exact: Wide) -> Double {
  if exact.isNaN || result.isNaN { return exact.isNaN && result.isNaN ? 0 : .infinity }
  let rounded = Double(exact)
  if !rounded.isFinite || !result.isFinite { return rounded == result ? 0 : .infinity }
  return Double((Wide(result) - exact).magnitude / Wide(rounded.ulp))
}
