/// A symbolic expression in which losses and rewards are written.
///
/// The author's function runs once, with symbols, and yields a graph. The value, the exact gradient, the printed formula and one fused
/// program derive from it. Every operation is numerically stable for all doubles and has a documented slope at its kinks.
public struct Formula: Sendable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  /// The meaning of a node without operands.
  indirect enum Symbol: Sendable, Hashable {
    case constant(Double), input(Column, slot: Int), parameter(String), state(String)
    case batchCount, rowIndex, uniform(UInt32), tokenIndex, tokenCount, tokenShortest, tokenRandomRank(UInt32)
  }

  /// One operation of the graph; shared if the author uses a value twice.
  final class Node: Sendable {
    let operation: Operation
    let symbol: Symbol?
    // Written in init and deinit only, while nothing else references the node. An array would take as much memory again.
    nonisolated(unsafe) private var a, b, c: Node?

    init(_ operation: Operation, _ operands: [Node], symbol: Symbol? = nil) {
      self.operation = operation
      self.symbol = symbol
      if operands.count > 0 { a = operands[0] }
      if operands.count > 1 { b = operands[1] }
      if operands.count > 2 { c = operands[2] }
    }

    var operands: [Node] {
      var operands: [Node] = []
      if let a { operands.append(a) }
      if let b { operands.append(b) }
      if let c { operands.append(c) }
      return operands
    }

    private func takeOperands() -> [Node] {
      defer { (a, b, c) = (nil, nil, nil) }
      return operands
    }

    // A sum over a long ranking is a chain of thousands of nodes; recursive release would overflow the stack.
    deinit {
      var waiting = takeOperands()
      while var node = waiting.popLast() {
        if isKnownUniquelyReferenced(&node) { waiting += node.takeOperands() }
      }
    }
  }

  let node: Node

  init(_ symbol: Symbol) {
    let operation: Operation =
      switch symbol {
      case .constant: .constant
      case .input: .input
      case .parameter: .parameter
      case .state: .state
      case .batchCount: .batchCount
      case .rowIndex: .rowIndex
      case .uniform: .uniform
      case .tokenIndex: .tokenIndex
      case .tokenCount: .tokenCount
      case .tokenShortest: .tokenShortest
      case .tokenRandomRank: .tokenRandomRank
      }
    node = Node(operation, [], symbol: symbol)
  }

  init(_ operation: Operation, _ operands: Formula...) { self.init(operation, operands) }

  /// An operation applied to its operands.
  package init(_ operation: Operation, _ operands: [Formula]) {
    node = Node(operation, operands.map(\.node))
  }

  /// A constant.
  public init(_ value: Double) { self.init(Symbol.constant(value)) }
  /// A constant.
  public init(_ value: Int) { self.init(Double(value)) }
  /// A constant.
  public init(floatLiteral value: Double) { self.init(value) }
  /// A constant.
  public init(integerLiteral value: Int) { self.init(Double(value)) }

  /// The symbol of a hyperparameter.
  package static func parameter(_ name: String) -> Formula { Formula(Symbol.parameter(name)) }

  /// The symbol of a column's slot: r·K + k for response k and reference r; r for a column per token.
  package static func input(_ column: Column, slot: Int) -> Formula { Formula(Symbol.input(column, slot: slot)) }

  /// The index of a token in its response, from 0.
  package static var tokenIndex: Formula { Formula(Symbol.tokenIndex) }
  /// The number of tokens of a token's response.
  package static var tokenCount: Formula { Formula(Symbol.tokenCount) }
  /// The number of tokens of the shortest response to the same prompt.
  package static var tokenShortest: Formula { Formula(Symbol.tokenShortest) }
  /// The index of a token in a random order of its response's tokens, from 0.
  package static func tokenRandomRank(stream: UInt32) -> Formula { Formula(Symbol.tokenRandomRank(stream)) }

  /// The value if the formula is a constant.
  var constantValue: Double? {
    if case .constant(let value) = node.symbol { value } else { nil }
  }

  /// The number of prompts in the batch.
  public static var batchCount: Formula { Formula(Symbol.batchCount) }
  /// The index of the prompt in the batch, from 0.
  public static var row: Formula { Formula(Symbol.rowIndex) }
  /// A uniform random number in (0, 1) per prompt, or per token in a tokenwise reward, from the call's seed. Streams are independent.
  public static func uniform(stream: UInt32 = 0) -> Formula { Formula(Symbol.uniform(stream)) }

  /// The sum.
  public static func + (a: Self, b: Self) -> Self { Self(.add, a, b) }
  /// The difference.
  public static func - (a: Self, b: Self) -> Self { Self(.subtract, a, b) }
  /// The product.
  public static func * (a: Self, b: Self) -> Self { Self(.multiply, a, b) }
  /// The quotient.
  public static func / (a: Self, b: Self) -> Self { Self(.divide, a, b) }
  /// The negation.
  public static prefix func - (a: Self) -> Self { Self(.negate, a) }
  /// Adds a formula to another.
  public static func += (a: inout Self, b: Self) { a = a + b }
  /// Subtracts a formula from another.
  public static func -= (a: inout Self, b: Self) { a = a - b }
  /// Multiplies a formula by another.
  public static func *= (a: inout Self, b: Self) { a = a * b }
  /// Divides a formula by another.
  public static func /= (a: inout Self, b: Self) { a = a / b }
}
