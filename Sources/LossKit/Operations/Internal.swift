import CLossKitKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Operation {
  /// a · b, but 0 where a is 0 even if b is not finite: a zero cotangent annihilates.
  package static let annihilate = Operation(201)
  /// exp(−|a|), shared by the functions below of a and of −a. They take a and exp(−|a|); the last three take a and log(1 + exp(−|a|)).
  /// Only in compiled programs.
  package static let expNegativeAbs = Operation(205)
  package static let sigmoidFrom = Operation(206)
  package static let sigmoidOfNegativeFrom = Operation(207)
  package static let logSigmoidFrom = Operation(208)
  package static let softplusFrom = Operation(209)
  package static let softplusOfNegativeFrom = Operation(210)
}

/// Operations of gradients and compiled programs, which formulas do not contain.
extension OperationEntry {
  static let internals: [OperationEntry] = [
    .binary(
      .annihilate, "annihilate", kernel: LOSSKIT_KERNEL_ANNIHILATE, value: { $0 == 0 ? 0 : $0 * $1 },
      plain: Spelling("{a:product} * {b:negation}", .product),
      latex: Spelling(#"{a:product} \, {b:product}"#, .product),
      code: .helper(
        "annihilate", "a, b", comment: "A zero gradient factor yields 0, even times infinity.",
        numpy: "return np.where(np.asarray(a) == 0, 0.0, a * b)",
        torch: "product = a * b\nreturn torch.where(a == 0, torch.zeros_like(product), product)",
        jax: "return jnp.where(a == 0, 0.0, a * b)", c: "return a == 0 ? 0 : a * b;")),
    .unary(
      .expNegativeAbs, "expNegativeAbs", kernel: LOSSKIT_KERNEL_EXP_NEGATIVE_ABS, value: { exp(-Swift.abs($0)) }),
    .binary(
      .sigmoidFrom, "sigmoidFrom", kernel: LOSSKIT_KERNEL_SIGMOID_FROM,
      value: { $0 >= 0 ? 1 / (1 + $1) : $1 / (1 + $1) }),
    .binary(
      .sigmoidOfNegativeFrom, "sigmoidOfNegativeFrom", kernel: LOSSKIT_KERNEL_SIGMOID_OF_NEGATIVE_FROM,
      value: { $0 <= 0 ? 1 / (1 + $1) : $1 / (1 + $1) }),
    .binary(
      .logSigmoidFrom, "logSigmoidFrom", kernel: LOSSKIT_KERNEL_LOG_SIGMOID_FROM, value: { Swift.min($0, 0) - $1 }),
    .binary(
      .softplusFrom, "softplusFrom", kernel: LOSSKIT_KERNEL_SOFTPLUS_FROM, value: { Swift.max($0, 0) + $1 }),
    .binary(
      .softplusOfNegativeFrom, "softplusOfNegativeFrom", kernel: LOSSKIT_KERNEL_SOFTPLUS_OF_NEGATIVE_FROM,
      value: { Swift.max(-$0, 0) + $1 }),
  ]
}
