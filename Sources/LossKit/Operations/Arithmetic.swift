import CLossKitKernels

extension Operation {
  package static let add = Operation(16)
  package static let subtract = Operation(17)
  package static let multiply = Operation(18)
  package static let divide = Operation(19)
  package static let negate = Operation(32)
}

/// The operators of `Formula`.
extension OperationEntry {
  static let arithmetic: [OperationEntry] = [
    .binary(
      .add, "add", kernel: LOSSKIT_KERNEL_ADD, isCommutative: true, value: { $0 + $1 },
      rules: [{ $0.gradient }, { $0.gradient }],
      plain: Spelling("{a} + {b}", .sum), swift: Spelling("{a} + {b:product}", .sum),
      latex: Spelling("{a} + {b}", .sum), code: .infix(Spelling("{a} + {b:product}", .sum))),
    .binary(
      .subtract, "subtract", kernel: LOSSKIT_KERNEL_SUBTRACT, value: { $0 - $1 },
      rules: [{ $0.gradient }, { -$0.gradient }],
      plain: Spelling("{a} - {b:product}", .sum), swift: Spelling("{a} - {b:product}", .sum),
      latex: Spelling("{a} - {b:product}", .sum), code: .infix(Spelling("{a} - {b:product}", .sum))),
    .binary(
      .multiply, "multiply", kernel: LOSSKIT_KERNEL_MULTIPLY, isCommutative: true, value: { $0 * $1 },
      rules: [{ .annihilate($0.gradient, $0.b) }, { .annihilate($0.gradient, $0.a) }],
      plain: Spelling("{a:product} * {b:negation}", .product), swift: Spelling("{a:product} * {b:atom}", .product),
      latex: Spelling(#"{a:product} \, {b:product}"#, .product),
      code: .infix(Spelling("{a:product} * {b:negation}", .product))),
    .binary(
      .divide, "divide", kernel: LOSSKIT_KERNEL_DIVIDE, value: { $0 / $1 },
      rules: [{ .annihilate($0.gradient, 1 / $0.b) }, { -.annihilate($0.gradient, $0.result / $0.b) }],
      kinkDistance: { Swift.abs($1) },
      plain: Spelling("{a:product} / {b:negation}", .product), swift: Spelling("{a:product} / {b:atom}", .product),
      latex: #"\frac{{a}}{{b}}"#, code: .infix(Spelling("{a:product} / {b:atom}", .product))),
    .unary(
      .negate, "negate", kernel: LOSSKIT_KERNEL_NEGATE, value: { -$0 }, slope: { _ in -1 },
      plain: Spelling("-{a:product}", .negation), swift: Spelling("-{a:atom}", .negation),
      latex: Spelling("-{a:product}", .negation), code: .infix(Spelling("-{a:atom}", .negation))),
  ]
}
