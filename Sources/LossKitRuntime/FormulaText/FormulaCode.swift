import LossKit

/// A formula's text as steps on a stack, run once per response without recursion.
struct FormulaCode: Sendable {
  enum Step: Sendable {
    case constant(Double)
    case parameter(String)
    case column(FormulaColumn)
    case batchCount, row
    case uniform(stream: UInt32)
    case function(FormulaFunction, count: Int)
    case add, subtract, multiply, divide, negate, absoluteValue
    /// Pops the topmost value and names it.
    case define(String)
    /// Pushes a named value.
    case recall(String)
    /// Swaps the two topmost values.
    case swap
  }

  private(set) var steps: [Step] = []

  mutating func append(_ step: Step) { steps.append(step) }

  /// The formula for K responses; `response` is the one of rank `index`.
  func formula(responses: Int, index: Int) -> Formula {
    var stack: [Formula] = []
    var definitions: [String: Formula] = [:]
    func pop() -> Formula { stack.popLast() ?? 0 }
    for step in steps {
      switch step {
      case .constant(let value): stack.append(Formula(value))
      case .parameter(let name): stack.append(.parameter(name))
      case .column(let column): stack.append(column.formula(responses: responses, index: index))
      case .batchCount: stack.append(.batchCount)
      case .row: stack.append(.row)
      case .uniform(let stream): stack.append(.uniform(stream: stream))
      case .function(let function, let count):
        let operands = Array(stack.suffix(count))
        stack.removeLast(min(count, stack.count))
        stack.append(function(operands))
      case .negate: stack.append(-pop())
      case .absoluteValue: stack.append(abs(pop()))
      case .define(let name): definitions[name] = pop()
      case .recall(let name): stack.append(definitions[name] ?? 0)
      case .swap:
        let (top, below) = (pop(), pop())
        stack += [top, below]
      case .add, .subtract, .multiply, .divide:
        let (b, a) = (pop(), pop())
        stack.append(step.combine(a, b))
      }
    }
    return pop()
  }
}

extension FormulaCode.Step {
  fileprivate func combine(_ a: Formula, _ b: Formula) -> Formula {
    switch self {
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    default: a + b
    }
  }
}
