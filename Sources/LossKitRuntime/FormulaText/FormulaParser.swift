import LossKit

/// Parses the text between the braces of a formula:
///
///     formula    = {name "=" sum ";"} sum [";"]
///     sum        = product {("+" | "-") product}
///     product    = factor {("*" | "/") factor}
///     factor     = {"-" | "+"} (number | "(" sum ")" | call | column | name)
///     call       = function "(" sum {"," sum} ")"         the first operand of select may be a comparison
///     column     = place "." name ["[" reference "]"]      chosen.reward, response.label, token.index
///
/// A bare name is one of the preceding definitions, `batch_count`, `row`, or a hyperparameter.
struct FormulaParser {
  /// Whether the text is a loss or a reward, which determines the columns and functions it may use.
  let kind: LoadedComponent.Kind
  /// The hyperparameters that have values.
  let parameters: Set<String>
  let failure: (_ problem: String, _ column: Int) -> Failure

  private(set) var code = FormulaCode()
  /// The columns it reads, with the position of each one's first use.
  private(set) var columns: [(column: FormulaColumn, position: Int)] = []
  private var knownColumns: Set<FormulaColumn> = []
  private(set) var usedParameters: Set<String> = []

  private let tokens: [FormulaToken]
  private var position = 0
  private var depth = 0
  /// The definitions in the order of the text, and their names.
  private var definitions: [(name: String, column: Int)] = []
  private var definedNames: Set<String> = []
  private var usedDefinitions: Set<String> = []

  /// The deepest nesting of parentheses and calls.
  private static let deepest = 100

  init(
    _ tokens: [FormulaToken], kind: LoadedComponent.Kind, parameters: Set<String>,
    failure: @escaping (_ problem: String, _ column: Int) -> Failure
  ) {
    self.tokens = tokens
    self.kind = kind
    self.parameters = parameters
    self.failure = failure
  }

  mutating func parse() throws {
    while try takeDefinition() {}
    try sum()
    _ = take(";")
    guard current.kind == .end else { throw unexpected("an operator or the end") }
    if let unused = definitions.first(where: { !usedDefinitions.contains($0.name) }) {
      throw failure("'\(unused.name)' is defined, and nothing uses it", unused.column)
    }
  }

  // MARK: Tokens

  private var current: FormulaToken { tokens[min(position, tokens.count - 1)] }

  private func isAt(_ sign: String, ahead: Int = 0) -> Bool {
    tokens.indices.contains(position + ahead) && tokens[position + ahead].kind == .sign(sign)
  }

  private mutating func take(_ sign: String) -> Bool {
    guard isAt(sign) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ sign: String, or others: String = "") throws {
    guard take(sign) else { throw unexpected("'\(sign)'\(others)") }
  }

  private func unexpected(_ expected: String) -> Failure {
    switch current.kind {
    case .sign("**"):
      return failure("unknown operator '**'; write square(x), or exp(n * log(x))", current.column)
    case .sign("<"), .sign(">"), .sign("<="), .sign(">="), .sign("=="), .sign("!="):
      return failure("a comparison is the first operand of select(a > b, x, y), and nothing else", current.column)
    default: return failure("expected \(expected), found \(current.words)", current.column)
    }
  }

  // MARK: Definitions

  private mutating func takeDefinition() throws -> Bool {
    guard case .name(let name) = current.kind, isAt("=", ahead: 1) else { return false }
    let column = current.column
    try check(definition: name, at: column)
    position += 2
    try sum()
    try expect(";", or: " behind the definition of '\(name)'")
    code.append(.define(name))
    definitions.append((name, column))
    definedNames.insert(name)
    return true
  }

  private func check(definition name: String, at column: Int) throws {
    guard NameRule.isFieldName(name) else { throw failure("'\(name)' is not a name; \(NameRule.fieldRule)", column) }
    guard !definedNames.contains(name) else { throw failure("'\(name)' is defined twice", column) }
    guard !parameters.contains(name) else {
      throw failure("'\(name)' is defined here, and given a value as a hyperparameter", column)
    }
    guard FormulaFunction.named(name) == nil, FormulaNumber(rawValue: name) == nil,
      !FormulaColumn.places.contains(name)
    else { throw failure("'\(name)' has a meaning already; take another name", column) }
  }

  // MARK: Operators

  private mutating func sum() throws {
    try product()
    while true {
      if take("+") {
        try product()
        code.append(.add)
      } else if take("-") {
        try product()
        code.append(.subtract)
      } else {
        return
      }
    }
  }

  private mutating func product() throws {
    try factor()
    while true {
      if take("*") {
        try factor()
        code.append(.multiply)
      } else if take("/") {
        try factor()
        code.append(.divide)
      } else {
        return
      }
    }
  }

  private mutating func factor() throws {
    var isNegative = false
    while true {
      if take("-") {
        isNegative.toggle()
      } else if !take("+") {
        break
      }
    }
    try operand()
    if isNegative { code.append(.negate) }
  }

  /// Parses something in parentheses, limiting the depth to what the stack can hold.
  private mutating func nested(_ body: (inout Self) throws -> Void) throws {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.deepest else {
      throw failure(
        "deeper than \(Self.deepest) parentheses; name a part of it, as in z = …; …", tokens[position - 1].column)
    }
    try body(&self)
  }

  // MARK: Operands

  private mutating func operand() throws {
    let token = current
    switch token.kind {
    case .number(let value):
      position += 1
      code.append(.constant(value))
    case .sign("("):
      position += 1
      try nested { try $0.sum() }
      try expect(")", or: " or an operator")
    case .name(let name):
      position += 1
      if isAt("(") {
        try call(name, at: token.column)
      } else if FormulaColumn.places.contains(name) || isAt(".") || isAt("[") {
        try column(name, at: token.column)
      } else {
        try word(name, at: token.column)
      }
    default: throw unexpected("a number, a column, a function or '('")
    }
  }

  private mutating func call(_ name: String, at column: Int) throws {
    if name == FormulaNumber.uniform.rawValue { return try uniform(at: column) }
    guard let function = FormulaFunction.named(name) else {
      let known = FormulaFunction.all.map(\.name) + [FormulaNumber.uniform.rawValue]
      if parameters.contains(name) || definedNames.contains(name) {
        throw failure("'\(name)' is not a function; a product is written with '*'", column)
      }
      if FormulaNumber(rawValue: name) != nil {
        throw failure("'\(name)' takes no operands; leave out the parentheses", column)
      }
      throw failure(unknownNameMessage(name, kind: "function", known: known), column)
    }
    try check(isOfBatch: function.isOfBatch, name, at: column)
    try expect("(")
    var count = 0
    var isSwapped = false
    try nested { parser in
      repeat {
        if name == Operation.select.entry.text, count == 0 {
          isSwapped = try parser.condition()
        } else {
          try parser.sum()
        }
        count += 1
      } while parser.take(",")
      try parser.expect(")", or: " or ','")
    }
    guard function.operandCount.contains(count) else {
      throw failure("'\(name)' takes \(function.operandWords), not \(count)", column)
    }
    if isSwapped { code.append(.swap) }
    code.append(.function(function, count: count))
  }

  /// Parses the first operand of select, which is positive if it holds; returns true if it is positive if it does not
  /// hold.
  private mutating func condition() throws -> Bool {
    try sum()
    guard case .sign(let sign) = current.kind, ["<", ">", "<=", ">=", "==", "!="].contains(sign) else { return false }
    position += 1
    try sum()
    code.append(.subtract)
    switch sign {
    case "<", ">=": code.append(.negate)
    case "==", "!=": code.append(.absoluteValue)
    default: break
    }
    return sign == ">=" || sign == "<=" || sign == "=="
  }

  private mutating func uniform(at column: Int) throws {
    try expect("(")
    var stream = 0.0
    if case .number(let value) = current.kind {
      guard UInt32(exactly: value) != nil else {
        throw failure("a stream of random numbers is a whole number from 0 on", current.column)
      }
      stream = value
      position += 1
    }
    try expect(")", or: " behind the number of the stream")
    code.append(.uniform(stream: UInt32(stream)))
  }

  // MARK: Names

  private mutating func word(_ name: String, at column: Int) throws {
    if definedNames.contains(name) {
      usedDefinitions.insert(name)
      code.append(.recall(name))
    } else if let number = FormulaNumber(rawValue: name) {
      try check(isOfBatch: number.isOfBatch, name, at: column)
      switch number {
      case .batchCount: code.append(.batchCount)
      case .row: code.append(.row)
      case .uniform: throw failure("'uniform' is a function: write uniform() or uniform(1)", column)
      }
    } else if parameters.contains(name) {
      usedParameters.insert(name)
      code.append(.parameter(name))
    } else {
      throw failure(unknownWord(name), column)
    }
  }

  private func unknownWord(_ name: String) -> String {
    if FormulaFunction.named(name) != nil { return "'\(name)' is a function: write \(name)(…)" }
    if FormulaColumn.known.contains(where: { $0.name == name }) {
      let place = kind == .reward ? "response" : "chosen"
      return "'\(name)' is a column: write whose, as in \(place).\(name)"
    }
    guard NameRule.isFieldName(name) else { return "'\(name)' is not a name; \(NameRule.fieldRule)" }
    let known =
      parameters.sorted() + definitions.map(\.name) + FormulaNumber.allCases.map(\.rawValue)
      + FormulaFunction.all.map(\.name) + FormulaColumn.places
    let near = nearestNames(to: name, in: known).map { "'\($0)'" }
    let question = near.isEmpty ? "" : "; did you mean \(near.joined(separator: " or "))?"
    return
      "the hyperparameter '\(name)' has no value; give it one behind the formula, as in {…}(\(name)=0.1)\(question)"
  }

  private func check(isOfBatch: Bool, _ name: String, at column: Int) throws {
    guard !isOfBatch || kind == .loss else {
      throw failure("a reward depends on its own prompt alone; '\(name)' belongs in a loss", column)
    }
  }

  // MARK: Columns

  private mutating func column(_ word: String, at start: Int) throws {
    let place = try place(word, at: start)
    try expect(".", or: " and the name of a column")
    guard case .name(let name) = current.kind else { throw unexpected("the name of a column") }
    let nameColumn = current.column
    position += 1
    let source = try source(name, of: place, at: nameColumn)
    let reference = try reference(of: source, name)
    let column = FormulaColumn(place: place, source: source, reference: reference)
    code.append(.column(column))
    if knownColumns.insert(column).inserted { columns.append((column, start)) }
  }

  private mutating func place(_ word: String, at column: Int) throws -> FormulaColumn.Place {
    switch word {
    case "chosen": return .chosen
    case "rejected": return .rejected
    case "response": return .response
    case "token": return .token
    case "responses": return .rank(try index("rank"))
    default: throw failure(unknownNameMessage(word, kind: "response", known: FormulaColumn.places), column)
    }
  }

  private mutating func index(_ noun: String) throws -> Int {
    try expect("[", or: ", a \(noun) and ']'")
    guard case .number(let value) = current.kind, let index = Int(exactly: value), (0..<64).contains(index) else {
      throw unexpected("a \(noun), a whole number from 0 to 63")
    }
    position += 1
    try expect("]", or: " behind the \(noun)")
    return index
  }

  private func source(_ name: String, of place: FormulaColumn.Place, at column: Int) throws -> FormulaColumn.Source {
    if place == .token, let number = FormulaColumn.TokenNumber(rawValue: name) { return .token(number) }
    guard let known = FormulaColumn.known.first(where: { $0.name == name }) else {
      let candidates = FormulaColumn.known.filter { ($0.extent == .token) == (place == .token) }.map(\.name)
      let numbers = place == .token ? FormulaColumn.TokenNumber.allCases.map(\.rawValue) : []
      throw failure(unknownNameMessage(name, kind: "column", known: candidates + numbers), column)
    }
    guard (known.extent == .token) == (place == .token) else {
      throw failure(
        place == .token
          ? "'\(name)' is per response; a token has policy_token_logp, reference_token_logp, index, count, shortest and random_rank"
          : "'\(name)' is per token; only a reward reads it, as in @ {token.\(name)}", column)
    }
    guard kind == .loss || !name.hasSuffix(Column.reward.name) else {
      throw failure("a reward is made of log-probabilities, not of rewards", column)
    }
    return .column(known)
  }

  private mutating func reference(of source: FormulaColumn.Source, _ name: String) throws -> Int {
    guard isAt("[") else { return 0 }
    guard case .column(let column) = source, column.isPerReference else {
      throw failure("'\(name)' is the same for all references", current.column)
    }
    return try index("reference")
  }
}

extension FormulaFunction {
  /// The number of its operands, in words.
  fileprivate var operandWords: String {
    let (least, most) = (operandCount.lowerBound, operandCount.upperBound)
    if least == most { return least == 1 ? "1 operand" : "\(least) operands" }
    return "\(least) to \(most) operands"
  }
}
