import CLossKitKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Operation {
  package static let exp = Operation(33)
  package static let expm1 = Operation(34)
  package static let log = Operation(35)
  package static let log1p = Operation(36)
  package static let sqrt = Operation(37)
  package static let tanh = Operation(38)
  package static let sigmoid = Operation(39)
  package static let logSigmoid = Operation(40)
  package static let softplus = Operation(41)
  package static let log1mexp = Operation(42)
  package static let square = Operation(44)
  package static let stopGradient = Operation(47)
}

/// The exponential function.
public func exp(_ x: Formula) -> Formula { Formula(.exp, x) }
/// exp(x) − 1, accurate for small x.
public func expm1(_ x: Formula) -> Formula { Formula(.expm1, x) }
/// The natural logarithm. A negative x is an error that names the prompt.
public func log(_ x: Formula) -> Formula { Formula(.log, x) }
/// log(1 + x), accurate for small x.
public func log1p(_ x: Formula) -> Formula { Formula(.log1p, x) }
/// The square root.
public func sqrt(_ x: Formula) -> Formula { Formula(.sqrt, x) }
/// The hyperbolic tangent.
public func tanh(_ x: Formula) -> Formula { Formula(.tanh, x) }
/// 1 / (1 + exp(−x)).
public func sigmoid(_ x: Formula) -> Formula { Formula(.sigmoid, x) }
/// log(sigmoid(x)), without underflow.
public func logSigmoid(_ x: Formula) -> Formula { Formula(.logSigmoid, x) }
/// log(1 + exp(x)), without overflow.
public func softplus(_ x: Formula) -> Formula { Formula(.softplus, x) }
/// log(1 − exp(x)) for x < 0.
public func log1mexp(_ x: Formula) -> Formula { Formula(.log1mexp, x) }
/// x · x.
public func square(_ x: Formula) -> Formula { Formula(.square, x) }
/// x, treated as a constant by the gradient.
public func stopGradient(_ x: Formula) -> Formula { Formula(.stopGradient, x) }

/// Smooth functions of one variable.
extension OperationEntry {
  static let elementary: [OperationEntry] = [
    .unary(
      .exp, "exp", kernel: LOSSKIT_KERNEL_EXP, value: { exp($0) }, slope: { $0.result }, latex: "e^{{a}}",
      code: .library()),
    .unary(
      .expm1, "expm1", kernel: LOSSKIT_KERNEL_EXPM1, value: { expm1($0) }, slope: { Operation.exp(of: $0.a) },
      latex: #"\left(e^{{a}} - 1\right)"#, code: .library()),
    .unary(
      .log, "log", kernel: LOSSKIT_KERNEL_LOG, value: { log($0) }, slope: { 1 / $0.a }, kinkDistance: { $0 },
      latex: #"\log\left({a}\right)"#, code: .library()),
    .unary(
      .log1p, "log1p", kernel: LOSSKIT_KERNEL_LOG1P, value: { log1p($0) }, slope: { 1 / (1 + $0.a) },
      kinkDistance: { 1 + $0 }, latex: #"\log\left(1 + {a}\right)"#, code: .library()),
    .unary(
      .sqrt, "sqrt", kernel: LOSSKIT_KERNEL_SQRT, value: { $0.squareRoot() }, slope: { 0.5 / $0.result },
      kinkDistance: { $0 }, latex: #"\sqrt{{a}}"#, code: .library()),
    .unary(
      .tanh, "tanh", kernel: LOSSKIT_KERNEL_TANH, isBounded: true, value: { tanh($0) },
      // 4 σ(2x) σ(−2x) equals 1 − tanh² without cancellation in the tails.
      slope: {
        let twice = 2 * $0.a
        return 4 * (Operation.sigmoid(of: twice) * Operation.sigmoid(of: -twice))
      }, latex: #"\tanh\left({a}\right)"#, code: .library()),
    .unary(
      .sigmoid, "sigmoid", kernel: LOSSKIT_KERNEL_SIGMOID, isBounded: true,
      value: { Operation.sigmoidFrom($0, exp(-Swift.abs($0))) }, slope: { $0.result * Operation.sigmoid(of: -$0.a) },
      latex: #"\sigma\left({a}\right)"#,
      code: .helper(
        "sigmoid", "x", numpy: "e = np.exp(-np.abs(x))\nreturn np.where(np.asarray(x) >= 0, 1.0, e) / (1.0 + e)",
        torch: "return torch.sigmoid(x)",
        jax: "return jax.nn.sigmoid(x)",
        c: "double e = exp(-fabs(x));\nreturn (x >= 0 ? 1 : e) / (1 + e);")),
    .unary(
      .logSigmoid, "logSigmoid", text: "logsigmoid", kernel: LOSSKIT_KERNEL_LOG_SIGMOID,
      value: { Operation.logSigmoidFrom($0, log1p(exp(-Swift.abs($0)))) }, slope: { Operation.sigmoid(of: -$0.a) },
      latex: #"\log \sigma\left({a}\right)"#,
      code: .helper(
        "logsigmoid", "x", numpy: "return np.minimum(x, 0.0) - np.log1p(np.exp(-np.abs(x)))",
        torch: "return x.clamp(max=0) - torch.log1p(torch.exp(-x.abs()))",
        jax: "return jnp.minimum(x, 0.0) - jnp.log1p(jnp.exp(-jnp.abs(x)))",
        c: "return (x < 0 ? x : 0) - log1p(exp(-fabs(x)));")),
    .unary(
      .softplus, "softplus", kernel: LOSSKIT_KERNEL_SOFTPLUS,
      value: { Operation.softplusFrom($0, log1p(exp(-Swift.abs($0)))) }, slope: { Operation.sigmoid(of: $0.a) },
      latex: #"\log\left(1 + e^{{a}}\right)"#,
      code: .helper(
        "softplus", "x", numpy: "return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))",
        torch: "return x.clamp(min=0) + torch.log1p(torch.exp(-x.abs()))",
        jax: "return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))",
        c: "return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));")),
    .unary(
      .log1mexp, "log1mexp", kernel: LOSSKIT_KERNEL_LOG1MEXP,
      value: { $0 > -0.6931471805599453 ? log(-expm1($0)) : log1p(-exp($0)) },
      slope: { -1 / Operation.expm1(of: -$0.a) }, kinkDistance: { -$0 }, latex: #"\log\left(1 - e^{{a}}\right)"#,
      code: .helper(
        "log1mexp", "x",
        numpy: "return np.where(np.asarray(x) > -math.log(2.0), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))",
        torch: "return torch.where(x > -math.log(2.0), torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))",
        jax: "return jnp.where(x > -math.log(2.0), jnp.log(-jnp.expm1(x)), jnp.log1p(-jnp.exp(x)))",
        c: "return x > -0.6931471805599453 ? log(-expm1(x)) : log1p(-exp(x));")),
    .unary(
      .square, "square", kernel: LOSSKIT_KERNEL_SQUARE, value: { $0 * $0 }, slope: { 2 * $0.a }, latex: "{a:word}^2",
      code: .helper(
        "square", "x", numpy: "return x * x", torch: "return x * x", jax: "return x * x", c: "return x * x;")),
    .unary(
      .stopGradient, "stopGradient", text: "stop_gradient", kernel: LOSSKIT_KERNEL_COPY, value: { $0 },
      latex: #"\operatorname{sg}\left[{a}\right]"#,
      // Exported code that computes its own gradients does not contain it.
      code: .helper(
        "stopped", "x", numpy: nil, torch: "return x.detach()", jax: "return jax.lax.stop_gradient(x)", c: nil)),
  ]
}
