import LossKit

/// A function of a formula's text: its name there, and how many operands it takes.
enum FormulaFunction: String, Sendable, CaseIterable {
  case exp, expm1, log, log1p, sqrt, tanh, sigmoid, softplus, log1mexp, abs, square, relu, floor, logsigmoid
  case finiteExp = "finite_exp"
  case finiteExpm1 = "finite_expm1"
  case stopGradient = "stop_gradient"
  case batchMean = "batch_mean"
  case batchSum = "batch_sum"
  case batchSorted = "batch_sorted"
  case minimum, maximum, clamp, select, logsumexp

  /// How many operands it takes.
  var operandCount: ClosedRange<Int> {
    switch self {
    case .minimum, .maximum: 2...2
    case .clamp, .select: 3...3
    case .logsumexp: 1...64
    default: 1...1
    }
  }

  /// Whether it looks at the whole batch.
  var isOfBatch: Bool { self == .batchMean || self == .batchSum || self == .batchSorted }

  /// The function of operands, as many as it takes.
  func callAsFunction(_ x: [Formula]) -> Formula {
    guard operandCount.contains(x.count) else { return 0 }
    return switch self {
    case .exp: LossKit.exp(x[0])
    case .expm1: LossKit.expm1(x[0])
    case .finiteExp: LossKit.finiteExp(x[0])
    case .finiteExpm1: LossKit.finiteExpm1(x[0])
    case .log: LossKit.log(x[0])
    case .log1p: LossKit.log1p(x[0])
    case .sqrt: LossKit.sqrt(x[0])
    case .tanh: LossKit.tanh(x[0])
    case .sigmoid: LossKit.sigmoid(x[0])
    case .logsigmoid: logSigmoid(x[0])
    case .softplus: LossKit.softplus(x[0])
    case .log1mexp: LossKit.log1mexp(x[0])
    case .abs: LossKit.abs(x[0])
    case .square: LossKit.square(x[0])
    case .relu: LossKit.relu(x[0])
    case .floor: LossKit.floor(x[0])
    case .stopGradient: LossKit.stopGradient(x[0])
    case .batchMean: LossKit.batchMean(x[0])
    case .batchSum: LossKit.batchSum(x[0])
    case .batchSorted: LossKit.batchSorted(x[0])
    case .minimum: LossKit.minimum(x[0], x[1])
    case .maximum: LossKit.maximum(x[0], x[1])
    case .clamp: LossKit.clamp(x[0], x[1], x[2])
    case .select: LossKit.select(x[0], x[1], x[2])
    case .logsumexp: logSumExp(x)
    }
  }
}

/// A number of a formula's text that has a name and no operands.
enum FormulaNumber: String, Sendable, CaseIterable {
  case batchCount = "batch_count"
  case row
  case uniform

  /// Whether it looks at the whole batch.
  var isOfBatch: Bool { self != .uniform }
}
