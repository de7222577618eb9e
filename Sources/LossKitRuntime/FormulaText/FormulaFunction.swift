import LossKit

/// A function in a formula's text: an operation, or a composition of several.
struct FormulaFunction: Sendable {
  /// Its name in a text.
  let name: String
  /// The number of its operands.
  let operandCount: ClosedRange<Int>
  /// Whether it is a batch statistic.
  let isOfBatch: Bool
  private let formula: @Sendable ([Formula]) -> Formula

  private init(
    _ name: String, operandCount: ClosedRange<Int> = 1...1, isOfBatch: Bool = false,
    _ formula: @escaping @Sendable ([Formula]) -> Formula
  ) {
    self.name = name
    self.operandCount = operandCount
    self.isOfBatch = isOfBatch
    self.formula = formula
  }

  private init(_ entry: OperationEntry) {
    self.init(entry.text, operandCount: entry.arity...entry.arity, isOfBatch: entry.isBatch) {
      Formula(entry.operation, $0)
    }
  }

  /// Applies the function to its operands.
  func callAsFunction(_ operands: [Formula]) -> Formula {
    operandCount.contains(operands.count) ? formula(operands) : 0
  }

  /// All functions: the operations that are not operators, and compositions of operations.
  static let all: [FormulaFunction] =
    LossKit.Operation.allCases.filter { $0.arity > 0 && !$0.isInternal && !$0.isOperator }
    .map { FormulaFunction($0.entry) } + [
      FormulaFunction("finite_exp") { finiteExp($0[0]) },
      FormulaFunction("finite_expm1") { finiteExpm1($0[0]) },
      FormulaFunction("batch_sum", isOfBatch: true) { batchSum($0[0]) },
      FormulaFunction("logsumexp", operandCount: 1...64) { logSumExp($0) },
    ]

  /// The function with a name.
  static func named(_ name: String) -> FormulaFunction? { all.first { $0.name == name } }
}

extension LossKit.Operation {
  fileprivate var isOperator: Bool {
    if case .infix = entry.code { true } else { false }
  }
}

/// A named number in a formula's text, without operands.
enum FormulaNumber: String, Sendable, CaseIterable {
  case batchCount = "batch_count"
  case row
  case uniform

  /// Whether it depends on the whole batch.
  var isOfBatch: Bool { self != .uniform }
}
