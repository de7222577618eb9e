import LossKit

/// Parses a C declaration; errors name the column.
struct PrototypeParser {
  private let text: String
  private let subject: String
  private var scanner: TextScanner

  private static let types = Prototype.Number.allCases.map(\.rawValue)
  private static let mostArguments = 64

  private init(_ text: String, subject: String) throws {
    self.text = text
    self.subject = subject
    scanner = try TextScanner(text, subject: subject)
  }

  /// Parses a prototype; `subject` is its name in errors.
  static func parse(_ text: String, subject: String) throws -> Prototype {
    var parser = try PrototypeParser(text, subject: subject)
    return try parser.parse()
  }

  private mutating func parse() throws -> Prototype {
    _ = take(word: "extern")
    let result = try result()
    let name = try functionName()
    try scanner.expect("(", or: " before the arguments")
    let arguments = try arguments()
    _ = scanner.take(";")
    guard scanner.peek() == nil else { throw scanner.unexpected("the end") }
    return Prototype(result: result, name: name, arguments: arguments, text: text, subject: subject)
  }

  /// `void`, or the type of a number.
  private mutating func result() throws -> Prototype.Number? {
    let result = take(word: "void") ? nil : try number(or: "void")
    guard scanner.peek() != "*" else {
      throw scanner.failure("a pointer is returned; return a number or void", at: scanner.column)
    }
    return result
  }

  /// `name`, `(*)` or `(*name)`.
  private mutating func functionName() throws -> String {
    guard scanner.take("(") else { return try identifier("the name of the function").name }
    try scanner.expect("*", or: ", as in 'double (*)(double chosen_reward)'")
    let name = scanner.peek() == ")" ? "" : try identifier("the name of the function or ')'").name
    try scanner.expect(")")
    return name
  }

  private mutating func arguments() throws -> [Prototype.Argument] {
    if isEmptyList() { return [] }
    var arguments: [Prototype.Argument] = []
    repeat {
      let argument = try argument()
      guard !arguments.contains(where: { $0.name == argument.name }) else {
        throw scanner.failure("'\(argument.name)' appears twice", at: argument.column)
      }
      arguments.append(argument)
    } while scanner.take(",")
    try scanner.expect(")", or: " or ','")
    guard arguments.count <= Self.mostArguments else {
      throw Failure("\(subject): it has \(arguments.count) arguments; \(Self.mostArguments) is the most")
    }
    return arguments
  }

  /// Takes `)` or `void)`.
  private mutating func isEmptyList() -> Bool {
    var probe = self
    _ = probe.take(word: "void")
    guard probe.scanner.take(")") else { return false }
    self = probe
    return true
  }

  private mutating func argument() throws -> Prototype.Argument {
    let isConstant = take(word: "const")
    let number = take(word: "void") ? nil : try number(or: nil)
    let isConstantBehind = take(word: "const")
    let starColumn = scanner.peek().map { _ in scanner.column } ?? 1
    let isPointer = scanner.take("*")
    guard isPointer || number != nil else { throw scanner.unexpected("'*' behind void") }
    guard scanner.peek() != "*" else {
      throw scanner.failure("a pointer to a pointer cannot be bound; take a pointer to a number", at: starColumn)
    }
    while take(word: "const") || take(word: "restrict") || take(word: "__restrict") {}
    let (name, column) = try identifier("the name of the argument, to which a column or hyperparameter is bound")
    let initial = scanner.take("=") ? try scanner.takeNumber() : nil
    let isInput = isConstant || isConstantBehind
    return Prototype.Argument(
      name: name, number: number, passing: isPointer ? (isInput ? .input : .output) : .value, initial: initial,
      column: column)
  }

  private mutating func number(or other: String?) throws -> Prototype.Number {
    let (word, column) = try identifier("a type: \((Self.types + (other.map { [$0] } ?? [])).joined(separator: ", "))")
    guard let number = Prototype.Number(rawValue: word) else {
      let near = nearestNames(to: word, in: Self.types)
      let known = near.isEmpty ? "there are: \(Self.types.joined(separator: ", "))" : "did you mean '\(near[0])'?"
      throw scanner.failure("unknown type '\(word)'; \(known)", at: column)
    }
    return number
  }

  private mutating func identifier(_ expected: String) throws -> (name: String, column: Int) {
    guard let next = scanner.peek(), next.isOfIdentifier, !next.isDigit else { throw scanner.unexpected(expected) }
    let column = scanner.column
    return (scanner.takeRun { $0.isOfIdentifier }, column)
  }

  /// Takes a word of C if it comes next, whole.
  private mutating func take(word: String) -> Bool {
    var probe = scanner
    _ = probe.peek()
    guard probe.takeRun(while: { $0.isOfIdentifier }) == word else { return false }
    scanner = probe
    return true
  }
}

extension Prototype {
  /// A failure about a place of the text, shown with a mark under it.
  func failure(_ problem: String, at column: Int) -> Failure {
    do {
      return try TextScanner(text, subject: subject).failure(problem, at: column)
    } catch {
      return Failure("\(subject), column \(column): \(problem)")
    }
  }
}

extension Character {
  fileprivate var isOfIdentifier: Bool { isOfName && self != "-" }
}
