/// Reads the statements of a template. The functions throw a `Problem`.
///
/// Statements, filters, tests and functions that LossKit does not have are read, too: they are refused where they are reached.
struct Parser {
  private let tokens: [Token]
  private var position = 0
  private var depth = 0
  private var loops = 0

  /// The deepest nesting of statements and expressions together.
  static let deepest = 100

  /// The statements of a template.
  static func statements(of source: String) throws -> [Statement] {
    var parser = Parser(tokens: try Lexer.tokens(of: source))
    let statements = try parser.statements(until: [], of: "", line: 1)
    return statements
  }

  private init(tokens: [Token]) { self.tokens = tokens }

  // MARK: Tokens

  var current: Token { tokens[min(position, tokens.count - 1)] }
  var following: Token { tokens[min(position + 1, tokens.count - 1)] }

  mutating func next() -> Token {
    defer { position += 1 }
    return current
  }

  func isName(_ text: String, _ token: Token? = nil) -> Bool {
    let token = token ?? current
    return token.kind == .name && token.text == text
  }

  func isSign(_ text: String) -> Bool { current.kind == .sign && current.text == text }

  mutating func takeName(_ text: String) -> Bool {
    guard isName(text) else { return false }
    position += 1
    return true
  }

  mutating func takeSign(_ text: String) -> Bool {
    guard isSign(text) else { return false }
    position += 1
    return true
  }

  func unexpected(_ expected: String) -> Problem {
    Problem("expected \(expected), found \(current.shown)", line: current.line)
  }

  mutating func expectSign(_ text: String) throws {
    guard takeSign(text) else { throw unexpected("'\(text)'") }
  }

  mutating func name() throws -> String {
    guard current.kind == .name else { throw unexpected("a name") }
    return next().text
  }

  private mutating func expect(_ kind: Token.Kind, _ shown: String) throws {
    guard current.kind == kind else { throw unexpected(shown) }
    position += 1
  }

  /// Calls a closure one level deeper.
  mutating func nested<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
    guard depth < Self.deepest else {
      throw Problem("the template is nested more than \(Self.deepest) deep", line: current.line)
    }
    depth += 1
    defer { depth -= 1 }
    return try body(&self)
  }

  // MARK: Statements

  /// Reads statements up to a block that begins with one of `ends`, at whose name it stops; up to the end of the template if there is none.
  private mutating func statements(until ends: [String], of statement: String, line: Int) throws -> [Statement] {
    var statements: [Statement] = []
    while true {
      switch current.kind {
      case .data: statements.append(.text(next().text))
      case .variableBegin:
        let line = next().line
        statements.append(.output([try tuple()], line: line))
        try expect(.variableEnd, "'}}'")
      case .blockBegin:
        position += 1
        if current.kind == .name, ends.contains(current.text) { return statements }
        statements.append(try nested { try $0.statement() })
        try expect(.blockEnd, "'%}'")
      default:
        guard ends.isEmpty else {
          throw Problem("'\(statement)' has no '\(ends.last ?? "")'", line: line)
        }
        return statements
      }
    }
  }

  /// Reads the rest of a tag and statements up to one of `ends`, whose name it takes.
  private mutating func body(until ends: String..., of statement: String) throws -> (
    statements: [Statement], end: String
  ) {
    _ = takeSign(":")
    let line = current.line
    try expect(.blockEnd, "'%}'")
    let statements = try statements(until: ends, of: statement, line: line)
    return (statements, next().text)
  }

  private mutating func statement() throws -> Statement {
    guard current.kind == .name else { throw unexpected("the name of a statement") }
    let tag = next()
    switch tag.text {
    case "if": return try condition()
    case "for": return try loop(line: tag.line)
    case "set": return try set(line: tag.line)
    case "macro": return try macro(line: tag.line)
    case "call": return try call(line: tag.line)
    case "filter": return try filter(line: tag.line)
    case "with": return try with(line: tag.line)
    case "generation": return .scope(try body(until: "endgeneration", of: "generation").statements)
    case "print": return try print(line: tag.line)
    case "break", "continue":
      guard loops > 0 else { throw Problem("'\(tag.text)' stands outside of a loop", line: tag.line) }
      return tag.text == "break" ? .endLoop : .nextIteration
    case "else", "elif", "endif", "endfor", "endset", "endmacro", "endcall", "endfilter", "endwith", "endgeneration":
      throw Problem("'\(tag.text)' ends nothing", line: tag.line)
    default:
      while current.kind != .blockEnd, current.kind != .end { position += 1 }
      return .unsupported(tag.text, line: tag.line)
    }
  }

  private mutating func condition() throws -> Statement {
    var branches: [(condition: Expression, body: [Statement])] = []
    while true {
      let condition = try tuple(withConditional: false)
      let (statements, end) = try body(until: "elif", "else", "endif", of: "if")
      branches.append((condition, statements))
      if end == "elif" { continue }
      return .condition(branches, otherwise: end == "else" ? try body(until: "endif", of: "else").statements : [])
    }
  }

  private mutating func loop(line: Int) throws -> Statement {
    let target = try target(end: "in")
    guard takeName("in") else { throw unexpected("'in'") }
    let elements = try tuple(withConditional: false, end: "recursive")
    let condition = takeName("if") ? try expression() : nil
    let isRecursive = takeName("recursive")
    loops += 1
    let (statements, end) = try body(until: "else", "endfor", of: "for")
    loops -= 1
    let otherwise = end == "else" ? try body(until: "endfor", of: "else").statements : []
    return .loop(
      Loop(
        target: target, elements: elements, condition: condition, isRecursive: isRecursive, body: statements,
        otherwise: otherwise, line: line))
  }

  private mutating func set(line: Int) throws -> Statement {
    let target = try target(withAttributes: true)
    if takeSign("=") { return .set(target, try tuple(), line: line) }
    let filters = try filters()
    return .setBlock(target, filters, try body(until: "endset", of: "set").statements, line: line)
  }

  private mutating func filters() throws -> [Postfix] {
    var filters: [Postfix] = []
    while takeSign("|") { filters.append(try filter()) }
    return filters
  }

  private mutating func macro(line: Int) throws -> Statement {
    let name = try name()
    return .macro(try macro(name, parameters: try parameters(), end: "endmacro", line: line))
  }

  private mutating func macro(
    _ name: String, parameters: [(name: String, preset: Expression?)], end: String, line: Int
  ) throws -> Macro {
    let outer = loops
    loops = 0
    defer { loops = outer }
    let begin = position
    let statements = try body(until: end, of: String(end.dropFirst(3))).statements
    let words = tokens[begin..<position]
    return Macro(
      name: name, parameters: parameters, body: statements, line: line,
      takesMore: words.contains { isName("varargs", $0) }, takesKeywords: words.contains { isName("kwargs", $0) })
  }

  private mutating func parameters() throws -> [(name: String, preset: Expression?)] {
    var parameters: [(name: String, preset: Expression?)] = []
    try expectSign("(")
    while !takeSign(")") {
      if !parameters.isEmpty { try expectSign(",") }
      if takeSign(")") { break }
      let line = current.line, name = try name()
      let preset = takeSign("=") ? try expression() : nil
      if preset == nil, parameters.last?.preset != nil {
        throw Problem("'\(name)' has no preset value, but the parameter before it has", line: line)
      }
      parameters.append((name, preset))
    }
    return parameters
  }

  private mutating func call(line: Int) throws -> Statement {
    let parameters = isSign("(") ? try parameters() : []
    let called = try expression()
    guard case .applied(_, let postfixes) = called, case .call = postfixes.last?.kind else {
      throw Problem("'call' is followed by no call", line: line)
    }
    return .call(called, caller: try macro("caller", parameters: parameters, end: "endcall", line: line), line: line)
  }

  private mutating func filter(line: Int) throws -> Statement {
    let all = [try filter()] + (try filters())
    return .filter(all, try body(until: "endfilter", of: "filter").statements, line: line)
  }

  private mutating func with(line: Int) throws -> Statement {
    var assigned: [(target: Target, value: Expression)] = []
    while current.kind != .blockEnd, current.kind != .end {
      if !assigned.isEmpty { try expectSign(",") }
      let target = try target()
      try expectSign("=")
      assigned.append((target, try expression()))
    }
    return .with(assigned, try body(until: "endwith", of: "with").statements, line: line)
  }

  private mutating func print(line: Int) throws -> Statement {
    var printed: [Expression] = []
    while current.kind != .blockEnd, current.kind != .end {
      if !printed.isEmpty { try expectSign(",") }
      printed.append(try expression())
    }
    return .output(printed, line: line)
  }

  // MARK: Targets

  /// Reads names with commas, up to the word `end`.
  private mutating func target(withAttributes: Bool = false, end: String? = nil) throws -> Target {
    var targets: [Target] = [], isTuple = false
    while true {
      targets.append(try nested { try $0.oneTarget(withAttributes: withAttributes) })
      guard takeSign(",") else { break }
      isTuple = true
      if let end, isName(end) { break }
      if current.kind == .blockEnd || isSign("=") || isSign(")") { break }
    }
    return isTuple ? .tuple(targets) : targets[0]
  }

  private mutating func oneTarget(withAttributes: Bool) throws -> Target {
    if takeSign("(") {
      let target = try target(withAttributes: withAttributes)
      try expectSign(")")
      return target
    }
    let line = current.line, name = try name()
    guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
      throw Problem("nothing can be assigned to '\(name)'", line: line)
    }
    guard withAttributes, takeSign(".") else { return .name(name) }
    return .attribute(name, try self.name())
  }
}
