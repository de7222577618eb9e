/// How a part of a template ends.
enum Ending {
  case normal
  case endLoop
  case nextIteration
}

extension Renderer {
  /// Renders statements to an output.
  func execute(_ statements: [Statement], in scope: Scope, to output: inout String) throws -> Ending {
    for statement in statements {
      try charge(16)
      let ending = try nested { try execute(statement, in: scope, to: &output) }
      if ending != .normal { return ending }
    }
    return .normal
  }

  /// The text of statements in variables of their own.
  private func text(of statements: [Statement], in scope: Scope) throws -> String {
    var text = ""
    _ = try execute(statements, in: Scope(in: scope), to: &text)
    return text
  }

  private func execute(_ statement: Statement, in scope: Scope, to output: inout String) throws -> Ending {
    switch statement {
    case .text(let text): try append(text, to: &output)
    case .output(let expressions, let line):
      for expression in expressions {
        self.line = line
        let value = try evaluate(expression, in: scope)
        try append(try text(value), to: &output)
      }
    case .set(let target, let expression, let line):
      self.line = line
      try assign(try evaluate(expression, in: scope), to: target, in: scope)
    case .setBlock(let target, let filters, let body, let line):
      let text = try text(of: body, in: scope)
      self.line = line
      try assign(try applying(filters, to: .string(text), in: scope), to: target, in: scope)
    case .condition(let branches, let otherwise):
      for branch in branches where try evaluate(branch.condition, in: scope).isTrue {
        return try execute(branch.body, in: scope, to: &output)
      }
      return try execute(otherwise, in: scope, to: &output)
    case .loop(let loop):
      line = loop.line
      try execute(loop, over: try evaluate(loop.elements, in: scope), in: scope, level: 0, to: &output)
    case .macro(let macro):
      try capture(scope)
      scope.variables[macro.name] = .macro(MacroValue(macro, scope))
    case .call(let expression, let caller, let line):
      self.line = line
      try capture(scope)
      let value = try evaluate(expression, in: scope, caller: .macro(MacroValue(caller, scope)))
      try append(try text(value), to: &output)
    case .filter(let filters, let body, let line):
      let text = try text(of: body, in: scope)
      self.line = line
      try append(try self.text(try applying(filters, to: .string(text), in: scope)), to: &output)
    case .with(let assigned, let body, let line):
      self.line = line
      let inner = Scope(in: scope)
      for (target, expression) in assigned { try assign(try evaluate(expression, in: scope), to: target, in: inner) }
      return try execute(body, in: inner, to: &output)
    case .scope(let body): return try execute(body, in: Scope(in: scope), to: &output)
    case .endLoop: return .endLoop
    case .nextIteration: return .nextIteration
    case .unsupported(let name, let line):
      self.line = line
      throw Problem.unsupported("the statement '\(name)'")
    }
    return .normal
  }

  private func applying(_ filters: [Postfix], to value: Value, in scope: Scope) throws -> Value {
    try filters.reduce(value) { try apply($1, to: $0, in: scope, caller: nil) }
  }

  // MARK: Assignments

  private func assign(_ value: Value, to target: Target, in scope: Scope) throws {
    switch target {
    case .name(let name): scope.variables[name] = value
    case .attribute(let name, let attribute):
      guard case .namespace(let namespace)? = scope[name] else {
        throw Problem("'\(name).\(attribute)' cannot be set, as '\(name)' is no namespace")
      }
      try namespace.members.set(.string(attribute), value, at: namespace.members.place(attribute))
    case .tuple(let targets):
      let elements = try elements(of: value)
      guard elements.count == targets.count else {
        throw Problem("\(elements.count) values are assigned to \(targets.count) names")
      }
      for (target, element) in zip(targets, elements) { try assign(element, to: target, in: scope) }
    }
  }

  // MARK: Loops

  /// Renders a loop over a value; `level` is that of a recursive loop.
  func execute(_ loop: Loop, over value: Value, in scope: Scope, level: Int, to output: inout String) throws {
    var elements = try elements(of: value)
    if let condition = loop.condition {
      elements = try elements.filter { element in
        let inner = Scope(in: scope)
        try assign(element, to: loop.target, in: inner)
        return try evaluate(condition, in: inner).isTrue
      }
    }
    let state = LoopState(loop, loop.isRecursive ? scope : nil, try Items(elements), level: level)
    if loop.isRecursive { try capture(scope) }
    for (index, element) in elements.enumerated() {
      try charge(16)
      line = loop.line
      state.index = index
      let inner = Scope(in: scope)
      inner.variables["loop"] = .loop(state)
      try assign(element, to: loop.target, in: inner)
      if try execute(loop.body, in: inner, to: &output) == .endLoop { return }
    }
    if elements.isEmpty { _ = try execute(loop.otherwise, in: Scope(in: scope), to: &output) }
  }

  // MARK: Macros

  /// The text of a macro with arguments.
  func call(_ value: MacroValue, _ arguments: CallValues, caller: Value?) throws -> Value {
    let macro = value.macro, scope = Scope(in: value.scope)
    var keywords = arguments.keywords
    for (place, parameter) in macro.parameters.enumerated() {
      if place < arguments.positional.count {
        scope.variables[parameter.name] = arguments.positional[place]
        guard !keywords.contains(where: { $0.name == parameter.name }) else {
          throw Problem("the macro '\(macro.name)' takes one value of '\(parameter.name)'")
        }
      } else if let given = keywords.firstIndex(where: { $0.name == parameter.name }) {
        scope.variables[parameter.name] = keywords.remove(at: given).value
      } else if let preset = parameter.preset {
        scope.variables[parameter.name] = try evaluate(preset, in: scope)
      } else {
        scope.variables[parameter.name] = .undefined("parameter '\(parameter.name)' was not provided")
      }
    }
    let rest = arguments.positional.dropFirst(macro.parameters.count)
    guard rest.isEmpty || macro.takesMore else {
      throw Problem("the macro '\(macro.name)' takes at most \(macro.parameters.count) arguments")
    }
    if let place = keywords.firstIndex(where: { $0.name == "caller" }) {
      scope.variables["caller"] = keywords.remove(at: place).value
    }
    guard keywords.isEmpty || macro.takesKeywords else {
      throw Problem("the macro '\(macro.name)' takes no argument '\(keywords[0].name)'")
    }
    if macro.takesMore { scope.variables["varargs"] = try tuple(Array(rest)) }
    if macro.takesKeywords { scope.variables["kwargs"] = try dictionary(keywords) }
    if let caller { scope.variables["caller"] = caller }
    if scope.variables["caller"] == nil { scope.variables["caller"] = .undefined("no caller defined") }
    line = macro.line
    var output = ""
    _ = try execute(macro.body, in: scope, to: &output)
    return .string(output)
  }
}
