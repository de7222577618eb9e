// Expressions, from the loosest operators to the tightest.
extension Parser {
  /// Reads one expression, or a tuple of expressions separated by commas; a trailing comma is allowed.
  mutating func tuple(withConditional: Bool = true, end: String? = nil) throws -> Expression {
    var elements: [Expression] = [], isTuple = false
    while !(isTuple && isEndOfTuple(end)) {
      elements.append(withConditional ? try expression() : try nested { try $0.any() })
      guard takeSign(",") else { break }
      isTuple = true
    }
    return isTuple ? .tuple(elements) : elements[0]
  }

  private func isEndOfTuple(_ end: String?) -> Bool {
    if let end, isName(end) { return true }
    return current.kind == .variableEnd || current.kind == .blockEnd || isSign(")")
  }

  /// Reads one expression.
  mutating func expression() throws -> Expression {
    try nested { parser in
      let value = try parser.any()
      guard parser.takeName("if") else { return value }
      let condition = try parser.any()
      let otherwise = parser.takeName("else") ? try parser.expression() : nil
      guard !parser.isName("if") else { throw parser.unexpected("'else'") }
      return .conditional(value, condition: condition, otherwise: otherwise)
    }
  }

  /// Reads `a or b`.
  mutating func any() throws -> Expression {
    var operands = [try all()]
    while takeName("or") { operands.append(try all()) }
    return operands.count == 1 ? operands[0] : .any(operands)
  }

  private mutating func all() throws -> Expression {
    var operands = [try negation()]
    while takeName("and") { operands.append(try negation()) }
    return operands.count == 1 ? operands[0] : .all(operands)
  }

  private mutating func negation() throws -> Expression {
    guard takeName("not") else { return try comparison() }
    return .not(try nested { try $0.negation() })
  }

  private mutating func comparison() throws -> Expression {
    let first = try sum()
    var rest: [(operation: ComparisonOperator, operand: Expression, line: Int)] = []
    while let operation = comparisonOperator() {
      let line = current.line
      rest.append((operation, try sum(), line))
    }
    return rest.isEmpty ? first : .comparison(first, rest)
  }

  private mutating func comparisonOperator() -> ComparisonOperator? {
    if current.kind == .sign, let operation = ComparisonOperator(rawValue: current.text) {
      _ = next()
      return operation
    }
    if takeName("in") { return .isIn }
    guard isName("not"), isName("in", following) else { return nil }
    _ = next()
    _ = next()
    return .isNotIn
  }

  private mutating func sum() throws -> Expression {
    try arithmetic([.add, .subtract]) { try $0.concatenation() }
  }

  private mutating func concatenation() throws -> Expression {
    let line = current.line
    var operands = [try product()]
    while takeSign("~") { operands.append(try product()) }
    return operands.count == 1 ? operands[0] : .concatenation(operands, line: line)
  }

  private mutating func product() throws -> Expression {
    try arithmetic([.multiply, .divide, .divideDown, .remainder]) { try $0.power() }
  }

  private mutating func power() throws -> Expression {
    try arithmetic([.power]) { try $0.unary(withFilters: true) }
  }

  private mutating func arithmetic(
    _ operations: [ArithmeticOperator], _ operand: (inout Parser) throws -> Expression
  ) throws -> Expression {
    let first = try operand(&self)
    var rest: [(operation: ArithmeticOperator, operand: Expression, line: Int)] = []
    while current.kind == .sign, let operation = ArithmeticOperator(rawValue: current.text),
      operations.contains(operation)
    {
      let line = next().line
      rest.append((operation, try operand(&self), line))
    }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func unary(withFilters: Bool) throws -> Expression {
    let line = current.line
    let value: Expression
    if takeSign("-") {
      value = .negative(try nested { try $0.unary(withFilters: false) }, line: line)
    } else if takeSign("+") {
      value = .positive(try nested { try $0.unary(withFilters: false) }, line: line)
    } else {
      value = try primary()
    }
    var postfixes: [Postfix] = []
    try accesses(&postfixes)
    if withFilters { try filtersAndTests(&postfixes) }
    return postfixes.isEmpty ? value : .applied(value, postfixes)
  }

  // MARK: Primary expressions

  private mutating func primary() throws -> Expression {
    let token = current
    switch token.kind {
    case .name:
      _ = next()
      switch token.text {
      case "true", "True": return .boolean(true)
      case "false", "False": return .boolean(false)
      case "none", "None": return .none
      default: return .name(token.text, line: token.line)
      }
    case .string:
      var text = next().text
      while current.kind == .string { text += next().text }
      return .string(text)
    case .integer:
      guard let value = Int(next().text) else { throw Problem("\(token.text) is beyond 64 bits", line: token.line) }
      return .integer(value)
    case .float:
      guard let value = Double(next().text) else { throw Problem("\(token.text) is no number", line: token.line) }
      return .double(value)
    default: break
    }
    if takeSign("(") {
      if takeSign(")") { return .tuple([]) }
      let value = try tuple()
      try expectSign(")")
      return value
    }
    if takeSign("[") { return .list(try elements(until: "]") { try $0.expression() }) }
    if takeSign("{") {
      let members = try elements(until: "}") { parser in
        let key = try parser.expression()
        try parser.expectSign(":")
        return (key: key, value: try parser.expression())
      }
      return .dictionary(members, line: token.line)
    }
    throw unexpected("an expression")
  }

  /// Reads elements with commas up to a closing bracket, before which a comma may stand.
  private mutating func elements<Element>(
    until end: String, _ element: (inout Parser) throws -> Element
  ) throws -> [Element] {
    var elements: [Element] = []
    while !takeSign(end) {
      if !elements.isEmpty {
        try expectSign(",")
        if takeSign(end) { break }
      }
      elements.append(try element(&self))
    }
    return elements
  }

  // MARK: Behind a value

  /// Reads attributes, items and calls.
  private mutating func accesses(_ postfixes: inout [Postfix]) throws {
    while true {
      let line = current.line
      if takeSign(".") {
        if current.kind == .integer, let place = Int(current.text) {
          _ = next()
          postfixes.append(Postfix(kind: .item(.integer(place)), line: line))
        } else {
          postfixes.append(Postfix(kind: .attribute(try name()), line: line))
        }
      } else if takeSign("[") {
        postfixes.append(Postfix(kind: try subscripted(), line: line))
      } else if isSign("(") {
        postfixes.append(Postfix(kind: .call(try arguments()), line: line))
      } else {
        return
      }
    }
  }

  private mutating func subscripted() throws -> Postfix.Kind {
    let first = isSign(":") ? nil : try expression()
    guard takeSign(":") else {
      guard let first else { throw unexpected("an expression") }
      var keys = [first]
      while takeSign(","), !isSign("]") { keys.append(try expression()) }
      try expectSign("]")
      return .item(keys.count == 1 ? first : .tuple(keys))
    }
    let end = isSign(":") || isSign("]") ? nil : try expression()
    let step = takeSign(":") && !isSign("]") ? try expression() : nil
    try expectSign("]")
    return .slice(first, end, step)
  }

  private mutating func filtersAndTests(_ postfixes: inout [Postfix]) throws {
    while true {
      let line = current.line
      if takeSign("|") {
        postfixes.append(try filter())
      } else if takeName("is") {
        postfixes.append(Postfix(kind: try test(), line: line))
      } else if isSign("(") {
        postfixes.append(Postfix(kind: .call(try arguments()), line: line))
      } else {
        return
      }
    }
  }

  private mutating func dottedName() throws -> String {
    var name = try name()
    while takeSign(".") { name += "." + (try self.name()) }
    return name
  }

  /// Reads the name and the arguments of a filter.
  mutating func filter() throws -> Postfix {
    let line = current.line, name = try dottedName()
    return Postfix(kind: .filter(name, isSign("(") ? try arguments() : []), line: line)
  }

  private mutating func test() throws -> Postfix.Kind {
    let isNegated = takeName("not"), name = try dottedName()
    if isSign("(") { return .test(name, try arguments(), isNegated: isNegated) }
    let begins =
      switch current.kind {
      case .name: !["else", "or", "and", "is", "if", "in", "not", "recursive"].contains(current.text)
      case .string, .integer, .float: true
      default: isSign("[") || isSign("{")
      }
    guard begins else { return .test(name, [], isNegated: isNegated) }
    var postfixes: [Postfix] = []
    let value = try nested { try $0.primary() }
    try accesses(&postfixes)
    let argument = postfixes.isEmpty ? value : .applied(value, postfixes)
    return .test(name, [.positional(argument)], isNegated: isNegated)
  }

  /// Reads arguments in parentheses.
  private mutating func arguments() throws -> [Argument] {
    let line = current.line
    try expectSign("(")
    var phase = 0
    return try elements(until: ")") { parser in
      let isKeyword = parser.current.kind == .name && parser.following.kind == .sign && parser.following.text == "="
      let kind = parser.isSign("*") ? 1 : parser.isSign("**") ? 3 : isKeyword ? 2 : 0
      guard kind == 2 ? phase < 3 : kind == 0 ? phase == 0 : phase < kind || (kind == 1 && phase == 2) else {
        throw Problem("the arguments are in the wrong order", line: line)
      }
      phase = max(phase, kind)
      switch kind {
      case 0: return .positional(try parser.expression())
      case 1:
        _ = parser.next()
        return .unpacked(try parser.expression())
      case 2:
        let name = parser.next().text
        _ = parser.next()
        return .keyword(name, try parser.expression())
      default:
        _ = parser.next()
        return .unpackedKeywords(try parser.expression())
      }
    }
  }
}
