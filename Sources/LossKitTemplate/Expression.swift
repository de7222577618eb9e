/// An expression of a template.
indirect enum Expression: Sendable {
  case none
  case boolean(Bool)
  case integer(Int)
  case double(Double)
  case string(String)
  case name(String, line: Int)
  case list([Expression])
  case tuple([Expression])
  case dictionary([(key: Expression, value: Expression)], line: Int)
  /// A value with what is applied to it, in order.
  case applied(Expression, [Postfix])
  /// Operators of one precedence, from the left.
  case arithmetic(Expression, [(operation: ArithmeticOperator, operand: Expression, line: Int)])
  /// `a < b < c` is `a < b and b < c`.
  case comparison(Expression, [(operation: ComparisonOperator, operand: Expression, line: Int)])
  /// `a ~ b`.
  case concatenation([Expression], line: Int)
  case all([Expression])
  case any([Expression])
  case not(Expression)
  case negative(Expression, line: Int)
  case positive(Expression, line: Int)
  /// `a if condition else b`.
  case conditional(Expression, condition: Expression, otherwise: Expression?)
}

/// Something behind an expression that is applied to its value.
struct Postfix: Sendable {
  /// What is applied.
  enum Kind: Sendable {
    case attribute(String)
    case item(Expression)
    case slice(Expression?, Expression?, Expression?)
    case call([Argument])
    case filter(String, [Argument])
    case test(String, [Argument], isNegated: Bool)
  }

  let kind: Kind
  let line: Int
}

/// An argument of a call, a filter or a test.
enum Argument: Sendable {
  case positional(Expression)
  case keyword(String, Expression)
  /// `*list`.
  case unpacked(Expression)
  /// `**dictionary`.
  case unpackedKeywords(Expression)
}

/// An operator on numbers, and on texts and lists.
enum ArithmeticOperator: String, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case divideDown = "//"
  case remainder = "%"
  case power = "**"
}

/// An operator that compares.
enum ComparisonOperator: String, Sendable {
  case equal = "=="
  case unequal = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case isIn = "in"
  case isNotIn = "not in"
}
