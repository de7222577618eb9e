/// Renders a template once. The functions throw a `Problem`; `line` is then the line of the construct.
final class Renderer {
  /// What a template may do: one for each byte that is made, and more for each step.
  static let budget = 100_000_000
  /// The length of an output.
  static let longest = 16_000_000
  /// The deepest nesting of macros, statements and expressions.
  static let deepest = 250

  var line = 1
  private var left = Renderer.budget
  private var depth = 0
  /// The local time in a format of C's strftime.
  let time: (String) throws -> String
  let globals: Scope
  /// Namespaces, loops, and scopes that macros keep may hold each other.
  var namespaces: [Namespace] = []
  var loops: [LoopState] = []
  private var captured: [Scope] = []

  init(time: @escaping (String) throws -> String) {
    globals = Scope(in: nil)
    self.time = time
  }

  /// Frees what holds itself.
  func finish() {
    for namespace in namespaces { namespace.members = Members() }
    for loop in loops { loop.last = nil }
    for scope in captured { scope.variables = [:] }
    globals.variables = [:]
  }

  /// The text of a template.
  func render(_ statements: [Statement]) throws -> String {
    var output = ""
    _ = try execute(statements, in: Scope(in: globals), to: &output)
    return output
  }

  /// Counts work; throws if the template does too much.
  func charge(_ count: Int) throws {
    left -= max(0, min(count, Self.budget))
    guard left >= 0 else {
      throw Problem("the template makes too much text or takes too many steps, and is stopped")
    }
  }

  /// Calls a closure one level deeper.
  func nested<Result>(_ body: () throws -> Result) throws -> Result {
    guard depth < Self.deepest else {
      throw Problem("macros, statements and expressions are nested more than \(Self.deepest) deep")
    }
    depth += 1
    defer { depth -= 1 }
    return try body()
  }

  /// Adds text to an output.
  func append(_ text: String, to output: inout String) throws {
    try charge(text.utf8.count)
    output += text
    guard output.utf8.count <= Self.longest else {
      throw Problem("the text is longer than \(Self.longest / 1_000_000) MB")
    }
  }

  func capture(_ scope: Scope) throws {
    try charge(64)
    captured.append(scope)
  }

  func list(_ elements: [Value]) throws -> Value {
    try charge(32 * elements.count)
    return .list(try Items(elements))
  }

  func tuple(_ elements: [Value]) throws -> Value {
    try charge(32 * elements.count)
    return .tuple(try Items(elements))
  }

  func iterator(_ kind: Iterator.Kind, _ elements: [Value]) throws -> Value {
    try charge(32 * elements.count)
    return .iterator(Iterator(kind, try Items(elements)))
  }

  func string(_ text: String) throws -> Value {
    try charge(text.utf8.count)
    return .string(text)
  }

  /// The message of an undefined value, or nil.
  func undefinedMessage(_ value: Value) -> String? {
    if case .undefined(let message) = value { message } else { nil }
  }

  /// Throws for an undefined value.
  func requireDefined(_ values: Value...) throws {
    for value in values { if case .undefined(let message) = value { throw Problem(message) } }
  }

  /// The elements of a value that can be passed through.
  func elements(of value: Value) throws -> [Value] {
    switch value {
    case .undefined: return []
    case .list(let items), .tuple(let items): return items.elements
    case .dictionary(let members): return members.pairs.map(\.key)
    case .iterator(let iterator): return iterator.take()
    case .string(let text), .markup(let text):
      try charge(32 * text.utf8.count)
      return text.unicodeScalars.map { .string(String($0)) }
    default: throw Problem("a value of the type \(value.type) has no elements")
    }
  }
}
