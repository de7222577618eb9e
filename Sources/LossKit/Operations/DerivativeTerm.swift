/// A value in a derivative rule: a node of the differentiated graph, or a number.
package struct DerivativeTerm: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
  /// The graph that rules append nodes to.
  final class Tape {
    var builder: GraphBuilder
    init(_ builder: GraphBuilder) { self.builder = builder }
  }

  private enum Content {
    case number(Double)
    case node(Int, Tape)
  }

  private let content: Content

  init(_ node: Int, on tape: Tape) { content = .node(node, tape) }
  package init(integerLiteral value: Int) { content = .number(Double(value)) }
  package init(floatLiteral value: Double) { content = .number(value) }

  private init(_ value: Double) { content = .number(value) }

  /// The node of the term; a number gets one now.
  func node(on tape: Tape) -> Int {
    switch content {
    case .number(let value): tape.builder.constant(value)
    case .node(let node, _): node
    }
  }

  private var tape: Tape? {
    if case .node(_, let tape) = content { tape } else { nil }
  }

  private var value: Double {
    if case .number(let value) = content { value } else { .nan }
  }

  fileprivate static func apply(_ operation: Operation, _ a: Self, _ b: Self = 0, _ c: Self = 0) -> Self {
    guard let tape = a.tape ?? b.tape ?? c.tape else { return Self(operation(a.value, b.value, c.value)) }
    let arity = operation.arity
    let first = a.node(on: tape)
    let second = arity > 1 ? b.node(on: tape) : 0
    let third = arity > 2 ? c.node(on: tape) : 0
    return Self(tape.builder.add(operation, first, second, third), on: tape)
  }

  static func + (a: Self, b: Self) -> Self { apply(.add, a, b) }
  static func - (a: Self, b: Self) -> Self { apply(.subtract, a, b) }
  static func * (a: Self, b: Self) -> Self { apply(.multiply, a, b) }
  static func / (a: Self, b: Self) -> Self { apply(.divide, a, b) }
  static prefix func - (a: Self) -> Self { apply(.negate, a) }

  /// The product with a gradient; 0 where the gradient is 0, even if the factor is not finite.
  static func annihilate(_ gradient: Self, _ factor: Self) -> Self { apply(.annihilate, gradient, factor) }
  static func select(_ condition: Self, _ a: Self, _ b: Self) -> Self { apply(.select, condition, a, b) }
}

extension Operation {
  /// Applies the operation to terms of a rule.
  func callAsFunction(of a: DerivativeTerm) -> DerivativeTerm { .apply(self, a) }
}

/// The terms that a derivative rule can use.
package struct DerivativeTerms {
  /// The gradient of the result.
  let gradient: DerivativeTerm
  /// The operands; those beyond the operation's arity are unused.
  let a, b, c: DerivativeTerm
  /// The operation's result.
  let result: DerivativeTerm

  init(gradient: Int, node: GraphNode, at index: Int, on tape: DerivativeTerm.Tape) {
    self.gradient = DerivativeTerm(gradient, on: tape)
    a = DerivativeTerm(node.a, on: tape)
    b = DerivativeTerm(node.b, on: tape)
    c = DerivativeTerm(node.c, on: tape)
    result = DerivativeTerm(index, on: tape)
  }
}
