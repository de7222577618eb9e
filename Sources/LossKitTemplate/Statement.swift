/// A part of a template.
enum Statement: Sendable {
  case text(String)
  case output([Expression], line: Int)
  case set(Target, Expression, line: Int)
  /// `{% set name %}…{% endset %}`, with filters.
  case setBlock(Target, [Postfix], [Statement], line: Int)
  case condition([(condition: Expression, body: [Statement])], otherwise: [Statement])
  case loop(Loop)
  case macro(Macro)
  /// `{% call macro() %}…{% endcall %}`.
  case call(Expression, caller: Macro, line: Int)
  /// `{% filter upper %}…{% endfilter %}`.
  case filter([Postfix], [Statement], line: Int)
  case with([(target: Target, value: Expression)], [Statement], line: Int)
  /// `{% generation %}…{% endgeneration %}`, which marks answers and changes nothing.
  case scope([Statement])
  case endLoop
  case nextIteration
  /// A statement that LossKit does not have; it is refused where it is reached.
  case unsupported(String, line: Int)
}

/// What a value is assigned to.
indirect enum Target: Sendable {
  case name(String)
  /// `{% set namespace.attribute = … %}`.
  case attribute(String, String)
  case tuple([Target])
}

/// `{% for target in elements if condition %}…{% else %}…{% endfor %}`.
final class Loop: Sendable {
  let target: Target
  let elements: Expression
  let condition: Expression?
  let isRecursive: Bool
  let body: [Statement]
  let otherwise: [Statement]
  let line: Int

  init(
    target: Target, elements: Expression, condition: Expression?, isRecursive: Bool, body: [Statement],
    otherwise: [Statement], line: Int
  ) {
    self.target = target
    self.elements = elements
    self.condition = condition
    self.isRecursive = isRecursive
    self.body = body
    self.otherwise = otherwise
    self.line = line
  }
}

/// `{% macro name(parameters) %}…{% endmacro %}`.
final class Macro: Sendable {
  let name: String
  let parameters: [(name: String, preset: Expression?)]
  let body: [Statement]
  let line: Int
  /// Whether it reads `varargs`, and `kwargs`: further arguments.
  let takesMore, takesKeywords: Bool

  init(
    name: String, parameters: [(name: String, preset: Expression?)], body: [Statement], line: Int, takesMore: Bool,
    takesKeywords: Bool
  ) {
    self.name = name
    self.parameters = parameters
    self.body = body
    self.takesMore = takesMore
    self.takesKeywords = takesKeywords
    self.line = line
  }
}
