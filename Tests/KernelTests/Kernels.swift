import CLossKitKernels
import LossKitSystem

#if arch(x86_64)
  /// A format with 11 more bits than that of the kernels.
  typealias Wide = Float80
#else
  typealias Wide = Double
#endif

/// A kernel and its expected result: the exact value with an error bound, or an exact double.
struct Kernel: Sendable, CustomStringConvertible {
  enum Definition: Sendable {
    case rounded(ulps: Double, @Sendable (Wide) -> Wide)
    case exact(@Sendable ([Double]) -> Double)
  }

  let description: String
  let code: Int
  let operands: Int
  let definition: Definition

  static func rounded(
    _ name: String, _ code: Int, ulps: Double, _ function: @escaping @Sendable (Wide) -> Wide
  ) -> Kernel {
    Kernel(description: name, code: code, operands: 1, definition: .rounded(ulps: ulps, function))
  }

  static func exact(
    _ name: String, _ code: Int, operands: Int, _ function: @escaping @Sendable ([Double]) -> Double
  ) -> Kernel {
    Kernel(description: name, code: code, operands: operands, definition: .exact(function))
  }
}

let roundedKernels: [Kernel] = [
  .rounded("exp", LOSSKIT_KERNEL_EXP, ulps: 4) { exp($0) },
  .rounded("expm1", LOSSKIT_KERNEL_EXPM1, ulps: 4) { expm1($0) },
  .rounded("log", LOSSKIT_KERNEL_LOG, ulps: 4) { log($0) },
  .rounded("log1p", LOSSKIT_KERNEL_LOG1P, ulps: 4) { log1p($0) },
  .rounded("tanh", LOSSKIT_KERNEL_TANH, ulps: 4) { tanh($0) },
  .rounded("exp(-|a|)", LOSSKIT_KERNEL_EXP_NEGATIVE_ABS, ulps: 4) { exp(-abs($0)) },
  .rounded("sigmoid", LOSSKIT_KERNEL_SIGMOID, ulps: 6) { $0 >= 0 ? 1 / (1 + exp(-$0)) : exp($0) / (1 + exp($0)) },
  .rounded("log sigmoid", LOSSKIT_KERNEL_LOG_SIGMOID, ulps: 6) { ($0 < 0 ? $0 : 0) - log1p(exp(-abs($0))) },
  .rounded("softplus", LOSSKIT_KERNEL_SOFTPLUS, ulps: 6) { ($0 > 0 ? $0 : 0) + log1p(exp(-abs($0))) },
  .rounded("log(1 - exp(a))", LOSSKIT_KERNEL_LOG1MEXP, ulps: 6) { $0 > -0.69 ? log(-expm1($0)) : log1p(-exp($0)) },
]

let exactKernels: [Kernel] = [
  .exact("copy", LOSSKIT_KERNEL_COPY, operands: 1) { $0[0] },
  .exact("add", LOSSKIT_KERNEL_ADD, operands: 2) { $0[0] + $0[1] },
  .exact("subtract", LOSSKIT_KERNEL_SUBTRACT, operands: 2) { $0[0] - $0[1] },
  .exact("multiply", LOSSKIT_KERNEL_MULTIPLY, operands: 2) { $0[0] * $0[1] },
  .exact("divide", LOSSKIT_KERNEL_DIVIDE, operands: 2) { $0[0] / $0[1] },
  .exact("minimum", LOSSKIT_KERNEL_MINIMUM, operands: 2) { $0[0] <= $0[1] || $0[0].isNaN ? $0[0] : $0[1] },
  .exact("maximum", LOSSKIT_KERNEL_MAXIMUM, operands: 2) { $0[0] >= $0[1] || $0[0].isNaN ? $0[0] : $0[1] },
  .exact("annihilate", LOSSKIT_KERNEL_ANNIHILATE, operands: 2) { $0[0] == 0 ? 0 : $0[0] * $0[1] },
  .exact("negate", LOSSKIT_KERNEL_NEGATE, operands: 1) { -$0[0] },
  .exact("sqrt", LOSSKIT_KERNEL_SQRT, operands: 1) { $0[0].squareRoot() },
  .exact("abs", LOSSKIT_KERNEL_ABS, operands: 1) { $0[0].magnitude },
  .exact("square", LOSSKIT_KERNEL_SQUARE, operands: 1) { $0[0] * $0[0] },
  .exact("relu", LOSSKIT_KERNEL_RELU, operands: 1) { $0[0] <= 0 ? 0 : $0[0] },
  .exact("floor", LOSSKIT_KERNEL_FLOOR, operands: 1) { $0[0].rounded(.down) },
  .exact("step", LOSSKIT_KERNEL_STEP, operands: 1) { $0[0] > 0 ? 1 : 0 },
  .exact("sign", LOSSKIT_KERNEL_SIGN, operands: 1) { $0[0].isNaN ? .nan : $0[0] > 0 ? 1 : $0[0] < 0 ? -1 : 0 },
  .exact("select", LOSSKIT_KERNEL_SELECT, operands: 3) { $0[0] > 0 ? $0[1] : $0[2] },
  .exact("clamp", LOSSKIT_KERNEL_CLAMP, operands: 3) { $0[0] < $0[1] ? $0[1] : $0[0] > $0[2] ? $0[2] : $0[0] },
]

/// The kernels that take exp(-|a|) or its LOG1P as well, each with the kernel that computes it from a or -a.
let sharingKernels: [(sharing: Int, alone: Int, isOfNegative: Bool, takesLogarithm: Bool)] = [
  (LOSSKIT_KERNEL_SIGMOID_FROM, LOSSKIT_KERNEL_SIGMOID, false, false),
  (LOSSKIT_KERNEL_SIGMOID_OF_NEGATIVE_FROM, LOSSKIT_KERNEL_SIGMOID, true, false),
  (LOSSKIT_KERNEL_LOG_SIGMOID_FROM, LOSSKIT_KERNEL_LOG_SIGMOID, false, true),
  (LOSSKIT_KERNEL_SOFTPLUS_FROM, LOSSKIT_KERNEL_SOFTPLUS, false, true),
  (LOSSKIT_KERNEL_SOFTPLUS_OF_NEGATIVE_FROM, LOSSKIT_KERNEL_SOFTPLUS, true, true),
]

/// The number of operands of each kernel, by its code.
let operandCounts: [Int: Int] = {
  var counts: [Int: Int] = [:]
  for kernel in roundedKernels + exactKernels { counts[kernel.code] = kernel.operands }
  for kernel in sharingKernels { counts[kernel.sharing] = 2 }
  return counts
}()
