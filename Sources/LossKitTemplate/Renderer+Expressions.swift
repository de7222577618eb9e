extension Renderer {
  /// The value of an expression; `caller` is the body of a `call` block, which the last call takes.
  func evaluate(_ expression: Expression, in scope: Scope, caller: Value? = nil) throws -> Value {
    try charge(16)
    switch expression {
    case .none: return .none
    case .boolean(let value): return .boolean(value)
    case .integer(let value): return .integer(value)
    case .double(let value): return .double(value)
    case .string(let text): return .string(text)
    case .name(let name, let line):
      self.line = line
      return variable(name, in: scope)
    default: return try nested { try evaluateParts(of: expression, in: scope, caller: caller) }
    }
  }

  private func evaluateParts(of expression: Expression, in scope: Scope, caller: Value?) throws -> Value {
    switch expression {
    case .list(let elements): return try list(try elements.map { try evaluate($0, in: scope) })
    case .tuple(let elements): return try tuple(try elements.map { try evaluate($0, in: scope) })
    case .dictionary(let pairs, let line): return try dictionary(pairs, line: line, in: scope)
    case .applied(let base, let postfixes): return try applied(base, postfixes, in: scope, caller: caller)
    case .arithmetic(let first, let rest):
      var value = try evaluate(first, in: scope)
      for (operation, operand, line) in rest {
        let operand = try evaluate(operand, in: scope)
        self.line = line
        value = try compute(value, operation, operand)
      }
      return value
    case .comparison(let first, let rest): return try comparison(first, rest, in: scope)
    case .concatenation(let operands, let line):
      var result = ""
      for operand in operands {
        let text = try text(try evaluate(operand, in: scope))
        self.line = line
        try append(text, to: &result)
      }
      return .string(result)
    case .all(let operands): return try logical(operands, endsAt: false, in: scope)
    case .any(let operands): return try logical(operands, endsAt: true, in: scope)
    case .not(let operand): return .boolean(!(try evaluate(operand, in: scope).isTrue))
    case .negative(let operand, let line):
      let value = try evaluate(operand, in: scope)
      self.line = line
      return try negated(value)
    case .positive(let operand, let line):
      let value = try evaluate(operand, in: scope)
      self.line = line
      try requireDefined(value)
      if let integer = value.integer { return .integer(integer) }
      guard case .double = value else { throw Problem("'+' takes no value of the type \(value.type)") }
      return value
    case .conditional(let value, let condition, let otherwise):
      if try evaluate(condition, in: scope).isTrue { return try evaluate(value, in: scope) }
      guard let otherwise else { return .undefined("the condition is false, and there is no 'else'") }
      return try evaluate(otherwise, in: scope)
    case .none, .boolean, .integer, .double, .string, .name: return try evaluate(expression, in: scope)
    }
  }

  private func variable(_ name: String, in scope: Scope) -> Value {
    if let value = scope[name] { return value }
    return Self.functions.contains(name) ? .function(name) : .undefined("'\(name)' is undefined")
  }

  private func logical(_ operands: [Expression], endsAt end: Bool, in scope: Scope) throws -> Value {
    var value = Value.none
    for operand in operands {
      value = try evaluate(operand, in: scope)
      if value.isTrue == end { break }
    }
    return value
  }

  private func comparison(
    _ first: Expression, _ rest: [(operation: ComparisonOperator, operand: Expression, line: Int)], in scope: Scope
  ) throws -> Value {
    var left = try evaluate(first, in: scope)
    for (operation, operand, line) in rest {
      let right = try evaluate(operand, in: scope)
      self.line = line
      guard try compare(left, operation, right) else { return .boolean(false) }
      left = right
    }
    return .boolean(true)
  }

  private func dictionary(
    _ pairs: [(key: Expression, value: Expression)], line: Int, in scope: Scope
  ) throws -> Value {
    var members = Members()
    for pair in pairs {
      let key = try evaluate(pair.key, in: scope), value = try evaluate(pair.value, in: scope)
      self.line = line
      try set(key, value, in: &members)
    }
    return .dictionary(members)
  }

  // MARK: What is applied to values

  private func applied(_ base: Expression, _ postfixes: [Postfix], in scope: Scope, caller: Value?) throws -> Value {
    // 'x is defined' and 'x | default' take names that are not defined.
    var value = try evaluate(base, in: scope)
    for (place, postfix) in postfixes.enumerated() {
      try charge(16)
      line = postfix.line
      value = try apply(postfix, to: value, in: scope, caller: place == postfixes.count - 1 ? caller : nil)
    }
    return value
  }

  /// The value of an attribute, a call, a filter and so on.
  func apply(_ postfix: Postfix, to value: Value, in scope: Scope, caller: Value?) throws -> Value {
    switch postfix.kind {
    case .attribute(let name): return try attribute(name, of: value)
    case .item(let key):
      let key = try evaluate(key, in: scope)
      line = postfix.line
      return try item(key, of: value)
    case .slice(let start, let end, let step):
      let bounds = try [start, end, step].map { try $0.map { try evaluate($0, in: scope) } }
      line = postfix.line
      return try slice(of: value, start: bounds[0], end: bounds[1], step: bounds[2])
    case .call(let arguments):
      let values = try callValues(arguments, in: scope)
      line = postfix.line
      return try call(value, values, caller: caller)
    case .filter(let name, let arguments):
      let values = try callValues(arguments, in: scope)
      line = postfix.line
      return try filtered(value, by: name, values)
    case .test(let name, let arguments, let isNegated):
      let values = try callValues(arguments, in: scope)
      line = postfix.line
      return .boolean(try passes(value, name, values) != isNegated)
    }
  }

  private func callValues(_ arguments: [Argument], in scope: Scope) throws -> CallValues {
    var values = CallValues()
    for argument in arguments {
      switch argument {
      case .positional(let expression): values.positional.append(try evaluate(expression, in: scope))
      case .keyword(let name, let expression): values.keywords.append((name, try evaluate(expression, in: scope)))
      case .unpacked(let expression): values.positional += try elements(of: try evaluate(expression, in: scope))
      case .unpackedKeywords(let expression):
        guard case .dictionary(let members) = try evaluate(expression, in: scope) else {
          throw Problem("'**' takes a dictionary")
        }
        for pair in members.pairs {
          guard let name = pair.key.text else { throw Problem("'**' takes keys that are texts") }
          values.keywords.append((name, pair.value))
        }
      }
    }
    try charge(32 * (values.positional.count + values.keywords.count))
    return values
  }
}
