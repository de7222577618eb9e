import CLossKitKernels

extension Operation {
  package static let minimum = Operation(20)
  package static let maximum = Operation(21)
  package static let abs = Operation(43)
  package static let relu = Operation(45)
  package static let floor = Operation(46)
  package static let select = Operation(64)
  package static let clamp = Operation(65)
  /// −1, 0 or 1: the slope of abs.
  package static let sign = Operation(202)
}

/// The absolute value; slope 0 at 0.
public func abs(_ x: Formula) -> Formula { Formula(.abs, x) }
/// max(0, x); slope 0 at 0.
public func relu(_ x: Formula) -> Formula { Formula(.relu, x) }
/// The largest integer not above x; slope 0.
public func floor(_ x: Formula) -> Formula { Formula(.floor, x) }
/// The smaller of two values. On a tie the first has the slope.
public func minimum(_ a: Formula, _ b: Formula) -> Formula { Formula(.minimum, a, b) }
/// The larger of two values. On a tie the first has the slope.
public func maximum(_ a: Formula, _ b: Formula) -> Formula { Formula(.maximum, a, b) }
/// x limited to `lower`...`upper`; slope 0 at the bounds and outside them.
public func clamp(_ x: Formula, _ lower: Formula, _ upper: Formula) -> Formula { Formula(.clamp, x, lower, upper) }
/// `a` where `condition` > 0, otherwise `b`. The other value contributes no gradient, even if it is not finite.
public func select(_ condition: Formula, _ a: Formula, _ b: Formula) -> Formula { Formula(.select, condition, a, b) }

/// Functions with kinks and jumps.
extension OperationEntry {
  static let piecewise: [OperationEntry] = [
    .unary(
      .abs, "abs", kernel: LOSSKIT_KERNEL_ABS, value: { Swift.abs($0) }, slope: { Operation.sign(of: $0.a) },
      kinkDistance: { Swift.abs($0) }, latex: #"\left|{a}\right|"#, code: .library(c: "fabs")),
    .unary(
      .relu, "relu", kernel: LOSSKIT_KERNEL_RELU, value: { $0 > 0 ? $0 : $0.isNaN ? $0 : 0 },
      rule: { .select($0.a, $0.gradient, 0) }, kinkDistance: { Swift.abs($0) },
      latex: #"\max\left(0, {a}\right)"#,
      code: .helper(
        "relu", "x", numpy: "return np.maximum(x, 0.0)", torch: "return torch.relu(x)",
        jax: "return jnp.maximum(x, 0.0)", c: "return x > 0 ? x : x != x ? x : 0;")),
    .unary(
      .floor, "floor", kernel: LOSSKIT_KERNEL_FLOOR, value: { $0.rounded(.down) },
      kinkDistance: { Swift.abs($0 - $0.rounded()) }, latex: #"\left\lfloor {a} \right\rfloor"#, code: .library()),
    .unary(
      .sign, "sign", kernel: LOSSKIT_KERNEL_SIGN, isBounded: true,
      value: { $0 > 0 ? 1 : $0 < 0 ? -1 : $0.isNaN ? $0 : 0 }, kinkDistance: { Swift.abs($0) },
      latex: #"\operatorname{sign}\left({a}\right)"#,
      code: .helper(
        "sign", "x", numpy: "return np.sign(x)", torch: "return torch.sign(x)", jax: "return jnp.sign(x)",
        c: "return x > 0 ? 1 : x < 0 ? -1 : x != x ? x : 0;")),
    .binary(
      .minimum, "minimum", kernel: LOSSKIT_KERNEL_MINIMUM, value: { $0 <= $1 || $0.isNaN ? $0 : $1 },
      rules: [{ .select($0.a - $0.b, 0, $0.gradient) }, { .select($0.a - $0.b, $0.gradient, 0) }],
      kinkDistance: { Swift.abs($0 - $1) }, latex: #"\min\left({a}, {b}\right)"#,
      code: .helper(
        "minimum", "a, b", numpy: "return np.minimum(a, b)", torch: "return torch.minimum(*_both(a, b))",
        jax: "return jnp.minimum(a, b)", c: "return a <= b || a != a ? a : b;")),
    .binary(
      .maximum, "maximum", kernel: LOSSKIT_KERNEL_MAXIMUM, value: { $0 >= $1 || $0.isNaN ? $0 : $1 },
      rules: [{ .select($0.b - $0.a, 0, $0.gradient) }, { .select($0.b - $0.a, $0.gradient, 0) }],
      kinkDistance: { Swift.abs($0 - $1) }, latex: #"\max\left({a}, {b}\right)"#,
      code: .helper(
        "maximum", "a, b", numpy: "return np.maximum(a, b)", torch: "return torch.maximum(*_both(a, b))",
        jax: "return jnp.maximum(a, b)", c: "return a >= b || a != a ? a : b;")),
    .ternary(
      .clamp, "clamp", kernel: LOSSKIT_KERNEL_CLAMP, value: { $0 < $1 ? $1 : $0 > $2 ? $2 : $0 },
      rules: [
        { .select($0.a - $0.b, .select($0.c - $0.a, $0.gradient, 0), 0) },
        { .select($0.a - $0.b, 0, $0.gradient) },
        { .select($0.a - $0.b, .select($0.c - $0.a, 0, $0.gradient), 0) },
      ],
      // If the bounds are in the wrong order, the lower one decides.
      kinkDistance: { $1 > $2 ? -1 : Swift.min(Swift.abs($0 - $1), Swift.abs($0 - $2)) },
      latex: #"\operatorname{clip}_{[{b}, {c}]}\left({a}\right)"#,
      code: .helper(
        "clamp", "x, lower, upper", numpy: "return np.where(x < lower, lower, np.where(x > upper, upper, x))",
        torch: "return _minimum(_maximum(x, lower), upper)", jax: "return jnp.minimum(jnp.maximum(x, lower), upper)",
        c: "return x < lower ? lower : x > upper ? upper : x;")),
    .ternary(
      .select, "select", kernel: LOSSKIT_KERNEL_SELECT, value: { $0 > 0 ? $1 : $2 },
      rules: [nil, { .select($0.a, $0.gradient, 0) }, { .select($0.a, 0, $0.gradient) }],
      kinkDistance: { a, _, _ in Swift.abs(a) },
      latex: #"\begin{cases} {b} & {a} > 0 \\ {c} & \text{otherwise} \end{cases}"#,
      code: .helper(
        "select", "condition, a, b", numpy: "return np.where(np.asarray(condition) > 0, a, b)",
        torch: """
          a, b = (v if torch.is_tensor(v) else torch.full_like(condition, v) for v in (a, b))
          return torch.where(condition > 0, a, b)
          """, jax: "return jnp.where(condition > 0, a, b)", c: "return condition > 0 ? a : b;")),
  ]
}
