import LossKit

/// Parses the grammar of `ObjectiveExpression`, with one character of lookahead.
struct ExpressionParser {
  static let subject = "objective"

  private let text: String
  private var scanner: TextScanner

  init(_ text: String) throws {
    self.text = text
    scanner = try TextScanner(text, subject: Self.subject)
  }

  mutating func parse() throws -> ObjectiveExpression {
    var terms = [try term()]
    while scanner.take("+") { terms.append(try term()) }
    let reward = scanner.take("@") ? try component("the name of a reward") : nil
    guard scanner.peek() == nil else {
      switch (scanner.peek(), reward) {
      case ("@", .some): throw scanner.failure("there is one '@' already, and it binds all terms", at: scanner.column)
      case ("+", .some): throw scanner.failure("'@' stands once, behind all terms", at: scanner.column)
      default: throw scanner.unexpected(reward == nil ? "'+', '@' or the end" : "the end")
      }
    }
    return ObjectiveExpression(terms: terms, reward: reward, text: text)
  }

  private mutating func term() throws -> ObjectiveExpression.Term {
    guard scanner.isAtNumber() else {
      return ObjectiveExpression.Term(weight: 1, component: try component("a loss or a weight"))
    }
    let column = scanner.column
    let weight = try scanner.takeNumber()
    guard weight >= 0 else {
      throw scanner.failure("invalid weight \(roundTripDecimal(weight)); expected 0 or a greater number", at: column)
    }
    try scanner.expect("*", or: " behind the weight")
    return ObjectiveExpression.Term(weight: weight, component: try component("a loss"))
  }

  private mutating func component(_ expected: String) throws -> ObjectiveExpression.Component {
    let isFormula = scanner.peek() == "{"
    let column = scanner.column
    let body: ObjectiveExpression.Component.Body
    if isFormula {
      let (formula, start) = try scanner.takeBraced()
      guard !formula.allSatisfy(\.isWhitespace) else { throw scanner.failure("the formula is empty", at: column) }
      body = .formula(formula, column: start)
    } else {
      body = .name(try scanner.takeComponentName(expected))
    }
    return ObjectiveExpression.Component(body: body, arguments: try arguments(), column: column)
  }

  private mutating func arguments() throws -> [ObjectiveExpression.Argument] {
    guard scanner.take("(") else { return [] }
    var arguments: [ObjectiveExpression.Argument] = []
    var keys: Set<String> = []
    repeat {
      let argument = try argument()
      guard keys.insert(argument.key).inserted else {
        throw scanner.failure("'\(argument.key)' is given twice", at: argument.keyColumn)
      }
      arguments.append(argument)
    } while scanner.take(",")
    try scanner.expect(")", or: " or ','")
    return arguments
  }

  private mutating func argument() throws -> ObjectiveExpression.Argument {
    _ = scanner.peek()
    let keyColumn = scanner.column
    let key = try scanner.takeKey()
    try scanner.expect("=", or: " behind '\(key)'")
    _ = scanner.peek()
    let valueColumn = scanner.column
    return ObjectiveExpression.Argument(
      key: key, value: try scanner.takeValue(), keyColumn: keyColumn, valueColumn: valueColumn)
  }
}
