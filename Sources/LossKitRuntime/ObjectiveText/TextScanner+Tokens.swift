import LossKit

extension TextScanner {
  /// Whether a number, valid or not, comes next.
  mutating func isAtNumber() -> Bool {
    guard let next = peek() else { return false }
    return next.isDigit || next == "." || next == "-" || next == "+"
  }

  /// Takes a decimal number with an optional exponent.
  mutating func takeNumber() throws -> Double {
    guard isAtNumber() else { throw unexpected("a number") }
    let start = column
    var text = takeRun { $0 == "-" || $0 == "+" }
    text += takeRun { $0.isDigit || $0 == "." }
    let exponent = takeExponent()
    let rest = takeRun { $0.isOfName || $0 == "." }
    guard rest.isEmpty, let value = Double(text + exponent) else {
      throw failure("'\(text + exponent + rest)' is not a number", at: start)
    }
    guard value.isFinite else { throw failure("'\(text + exponent)' is too large", at: start) }
    return value
  }

  /// Takes the name of a component.
  mutating func takeComponentName(_ expected: String) throws -> String {
    try takeName(expected, rule: NameRule.componentRule, isName: { NameRule.isComponentName($0) })
  }

  /// Takes the name of a hyperparameter.
  mutating func takeKey() throws -> String {
    try takeName("the name of a hyperparameter", rule: NameRule.fieldRule, isName: { NameRule.isFieldName($0) })
  }

  /// Takes the value of a hyperparameter.
  mutating func takeValue() throws -> ParameterValue {
    if isAtNumber() { return .number(try takeNumber()) }
    _ = peek()
    let start = column
    let word = takeRun { $0.isOfName }
    guard !word.isEmpty else { throw unexpected("a number, true, false or the name of a choice") }
    guard NameRule.isWord(word) else {
      throw failure("'\(word)' is not a value; a word begins with a letter", at: start)
    }
    switch word {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    default: return .word(word)
    }
  }

  /// An `e`, a sign and digits; empty if something else comes next.
  private mutating func takeExponent() -> String {
    var probe = self
    let letter = probe.takeRun { $0 == "e" || $0 == "E" }
    let sign = probe.takeRun { $0 == "-" || $0 == "+" }
    let digits = probe.takeRun { $0.isDigit }
    guard letter.count == 1, sign.count <= 1, !digits.isEmpty else { return "" }
    self = probe
    return letter + sign + digits
  }

  private mutating func takeName(_ expected: String, rule: String, isName: (String) -> Bool) throws -> String {
    guard let next = peek(), next.isOfName, !next.isDigit else { throw unexpected(expected) }
    let start = column
    let name = takeRun { $0.isOfName }
    guard isName(name) else { throw failure("'\(name)' is not a name; \(rule)", at: start) }
    return name
  }
}
