import LossKitJSON

/// A value of a template, as Python has it.
enum Value {
  /// The value of something that does not exist, with the message of an error for its use.
  case undefined(String)
  case none
  case boolean(Bool)
  case integer(Int)
  /// A whole number beyond 64 bits, as written; it can be shown, but not computed with.
  case largeInteger(String)
  case double(Double)
  case string(String)
  /// A text that is marked as safe HTML: text added to it is escaped.
  case markup(String)
  case list(Items)
  case tuple(Items)
  case dictionary(Members)
  /// What Python computes element by element.
  case iterator(Iterator)
  case namespace(Namespace)
  case macro(MacroValue)
  case loop(LoopState)
  /// A function that every template has.
  case function(String)
  /// A method of a value, not yet called.
  case method(Method)

  /// The deepest nesting of lists and dictionaries.
  static let deepest = 200

  /// The name of the type in Python.
  var type: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .boolean: "bool"
    case .integer, .largeInteger: "int"
    case .double: "float"
    case .string, .markup: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .iterator(let iterator): iterator.kind.rawValue
    case .namespace: "Namespace"
    case .macro: "Macro"
    case .loop: "LoopContext"
    case .function, .method: "function"
    }
  }

  /// The text of a string.
  var text: String? {
    switch self {
    case .string(let text), .markup(let text): text
    default: nil
    }
  }

  /// A whole number; true and false are 1 and 0.
  var integer: Int? {
    switch self {
    case .integer(let value): value
    case .boolean(let value): value ? 1 : 0
    default: nil
    }
  }

  /// A number.
  var double: Double? {
    if case .double(let value) = self { return value }
    return integer.map(Double.init)
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }
  var isNone: Bool { if case .none = self { true } else { false } }

  /// How deep lists and dictionaries are nested in it.
  var depth: Int {
    switch self {
    case .list(let items), .tuple(let items): items.depth
    case .dictionary(let members): members.depth
    case .iterator(let iterator): iterator.depth
    case .loop(let loop): loop.depth
    case .method(let method): method.receiver.depth + 1
    default: 0
    }
  }

  /// Whether the value counts as true.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .boolean(let value): value
    case .integer(let value): value != 0
    case .double(let value): value != 0
    case .string(let text), .markup(let text): !text.isEmpty
    case .list(let items), .tuple(let items): !items.elements.isEmpty
    case .dictionary(let members): !members.pairs.isEmpty
    case .iterator(let iterator): iterator.kind == .generator || !iterator.elements.isEmpty
    case .largeInteger, .namespace, .macro, .loop, .function, .method: true
    }
  }
}

/// The elements of a list or a tuple.
struct Items {
  let elements: [Value]
  let depth: Int

  /// Throws if they are nested too deep.
  init(_ elements: [Value]) throws {
    self.elements = elements
    depth = try checked(1 + (elements.lazy.map(\.depth).max() ?? 0))
  }
}

/// The members of a dictionary, in order.
struct Members {
  private(set) var pairs: [(key: Value, value: Value)] = []
  private(set) var depth = 1

  /// The place of a key that is a string, or nil.
  func place(_ key: String) -> Int? {
    pairs.firstIndex { pair in pair.key.text.map { isSame($0, key) } ?? false }
  }

  /// The value of a key that is a string, or nil.
  subscript(key: String) -> Value? { place(key).map { pairs[$0].value } }

  /// Sets a member at its place, or as the last. Throws if the value is nested too deep.
  mutating func set(_ key: Value, _ value: Value, at place: Int?) throws {
    depth = try checked(max(depth, 1 + max(value.depth, key.depth)))
    if let place { pairs[place].value = value } else { pairs.append((key, value)) }
  }
}

private func checked(_ depth: Int) throws -> Int {
  guard depth <= Value.deepest else { throw Problem("values are nested more than \(Value.deepest) deep") }
  return depth
}

/// Whether two texts have the same bytes: Swift compares by what they look like.
func isSame(_ first: String, _ second: String) -> Bool { first.utf8.elementsEqual(second.utf8) }

/// Elements that are passed through.
final class Iterator {
  /// The kind, which Python tells apart.
  enum Kind: String {
    case items = "dict_items"
    case keys = "dict_keys"
    case values = "dict_values"
    case range
    /// Its elements can be passed through once.
    case generator
  }

  let kind: Kind
  let depth: Int
  private(set) var elements: [Value]

  init(_ kind: Kind, _ items: Items) {
    self.kind = kind
    elements = items.elements
    depth = items.depth
  }

  /// The elements; none are left of a generator.
  func take() -> [Value] {
    defer { if kind == .generator { elements = [] } }
    return elements
  }
}

/// `namespace(…)`, whose attributes can be set. The renderer holds them all, and empties them at the end.
final class Namespace {
  var members = Members()
}

/// A macro with the variables around it.
final class MacroValue {
  let macro: Macro
  let scope: Scope

  init(_ macro: Macro, _ scope: Scope) {
    self.macro = macro
    self.scope = scope
  }
}

/// A method with the value that it is of.
final class Method {
  let receiver: Value
  let name: String

  init(_ receiver: Value, _ name: String) {
    self.receiver = receiver
    self.name = name
  }
}

/// The variable `loop`.
final class LoopState {
  let loop: Loop
  /// The variables around a recursive loop, which the renderer holds, too.
  let scope: Scope?
  let elements: [Value]
  let depth: Int
  /// How many loops this recursive one stands in.
  let level: Int
  var index = 0
  /// The last arguments of `loop.changed`.
  var last: Value?

  init(_ loop: Loop, _ scope: Scope?, _ items: Items, level: Int) {
    self.loop = loop
    self.scope = scope
    elements = items.elements
    depth = items.depth
    self.level = level
  }
}

/// The variables of a part of a template, and those around it.
final class Scope {
  var variables: [String: Value] = [:]
  private let outer: Scope?

  init(in outer: Scope?) { self.outer = outer }

  /// The value of a name, or nil.
  subscript(name: String) -> Value? {
    var scope: Scope? = self
    while let inner = scope {
      if let value = inner.variables[name] { return value }
      scope = inner.outer
    }
    return nil
  }
}
