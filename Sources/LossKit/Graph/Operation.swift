import CLossKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a node of a formula does. Raw values below 1000 are those of the plugin ABI; the others arise in gradients only.
package enum Operation: UInt32, Sendable, CaseIterable {
  case constant = 0, input, parameter, state, batchCount, rowIndex, uniform, tokenIndex, tokenCount, tokenShortest,
    tokenRandomRank
  case add = 16, subtract, multiply, divide, minimum, maximum
  case negate = 32, exp, expm1, log, log1p, sqrt, tanh, sigmoid, logSigmoid, softplus, log1mexp, abs, square, relu,
    floor
  case stopGradient
  case select = 64, clamp
  case batchMean = 80, batchSorted
  /// The factor the output's derivative is multiplied with; `a` is the output's index.
  case cotangent = 1000
  /// a · b, but 0 where a is 0 whatever b is: a zero cotangent annihilates.
  case annihilate
  /// −1, 0 or 1.
  case sign
  /// Takes sorted values `a` back to the rows that `b`, the sorted key, came from.
  case batchUnsorted
  /// The batch mean of the cotangent of a batch mean; kept apart so that batches of mixed rankings can pair them.
  case batchMeanGradient
  /// A column at its own extent, and the place and number of rows: see `Extent`, whose operations these are.
  case column, count, place
  /// What leads to a coarser extent, and what runs along a segment's rows.
  case sum, largest, pick, scan, scanLogSumExp, shift, order
  /// 1 at the first row that has a segment's largest value, else 0.
  case firstLargest
  /// A value at an extent; arises when a plan is compiled.
  case copy
  /// exp(−|a|), which the next share: the functions of a, or of −a. They take a and it, or, the last three, a and log(1 + it). They
  /// arise when a program is compiled.
  case expNegativeAbs
  case sigmoidFrom, sigmoidOfNegativeFrom
  case logSigmoidFrom, softplusFrom, softplusOfNegativeFrom

  /// The number of operands that are nodes.
  package var arity: Int {
    switch self {
    case .constant, .input, .parameter, .state, .batchCount, .rowIndex, .uniform, .tokenIndex, .tokenCount,
      .tokenShortest, .tokenRandomRank, .cotangent, .column, .count, .place:
      0
    case .add, .subtract, .multiply, .divide, .minimum, .maximum, .annihilate, .batchUnsorted, .scan, .sigmoidFrom,
      .sigmoidOfNegativeFrom, .logSigmoidFrom, .softplusFrom, .softplusOfNegativeFrom:
      2
    case .select, .clamp: 3
    default: 1
    }
  }

  /// Whether its value depends on the whole batch.
  package var isBatch: Bool {
    switch self {
    case .batchMean, .batchSorted, .batchUnsorted, .batchMeanGradient: true
    default: false
    }
  }

  /// Whether its value at a row depends on the operands' values at that row alone.
  var isElementwise: Bool {
    switch self {
    case .sum, .largest, .pick, .scan, .scanLogSumExp, .shift, .order, .firstLargest: false
    default: arity > 0 && !isBatch
    }
  }

  /// Whether swapping the operands changes nothing.
  var isCommutative: Bool { self == .add || self == .multiply }

  /// The value for the values of the operands, by the C library's functions: the reference for every faster evaluator.
  package func callAsFunction(_ a: Double, _ b: Double = 0, _ c: Double = 0) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .minimum: a <= b || a.isNaN ? a : b
    case .maximum: a >= b || a.isNaN ? a : b
    case .annihilate: a == 0 ? 0 : a * b
    case .select: a > 0 ? b : c
    case .clamp: a < b ? b : a > c ? c : a
    case .sigmoidFrom: a >= 0 ? 1 / (1 + b) : b / (1 + b)
    case .sigmoidOfNegativeFrom: a <= 0 ? 1 / (1 + b) : b / (1 + b)
    case .logSigmoidFrom: Swift.min(a, 0) - b
    case .softplusFrom: Swift.max(a, 0) + b
    case .softplusOfNegativeFrom: Swift.max(-a, 0) + b
    default: unary(a)
    }
  }

  private func unary(_ x: Double) -> Double {
    switch self {
    case .negate: -x
    case .exp: Self.libm.exp(x)
    case .expm1: Self.libm.expm1(x)
    case .log: Self.libm.log(x)
    case .log1p: Self.libm.log1p(x)
    case .sqrt: x.squareRoot()
    case .tanh: Self.libm.tanh(x)
    case .expNegativeAbs: Self.libm.exp(-Swift.abs(x))
    case .sigmoid: Self.sigmoidFrom(x, Self.libm.exp(-Swift.abs(x)))
    case .logSigmoid: Self.logSigmoidFrom(x, Self.libm.log1p(Self.libm.exp(-Swift.abs(x))))
    case .softplus: Self.softplusFrom(x, Self.libm.log1p(Self.libm.exp(-Swift.abs(x))))
    case .log1mexp: x > -0.6931471805599453 ? Self.libm.log(-Self.libm.expm1(x)) : Self.libm.log1p(-Self.libm.exp(x))
    case .abs: Swift.abs(x)
    case .square: x * x
    case .relu: x > 0 ? x : x.isNaN ? x : 0
    case .floor: x.rounded(.down)
    case .sign: x > 0 ? 1 : x < 0 ? -1 : x.isNaN ? x : 0
    case .stopGradient, .copy: x
    default: .nan
    }
  }

  /// The C library's functions under names that the cases of this type do not shadow.
  private enum libm {
    #if canImport(Glibc)
      static func exp(_ x: Double) -> Double { Glibc.exp(x) }
      static func expm1(_ x: Double) -> Double { Glibc.expm1(x) }
      static func log(_ x: Double) -> Double { Glibc.log(x) }
      static func log1p(_ x: Double) -> Double { Glibc.log1p(x) }
      static func tanh(_ x: Double) -> Double { Glibc.tanh(x) }
    #elseif canImport(Darwin)
      static func exp(_ x: Double) -> Double { Darwin.exp(x) }
      static func expm1(_ x: Double) -> Double { Darwin.expm1(x) }
      static func log(_ x: Double) -> Double { Darwin.log(x) }
      static func log1p(_ x: Double) -> Double { Darwin.log1p(x) }
      static func tanh(_ x: Double) -> Double { Darwin.tanh(x) }
    #endif
  }
}
