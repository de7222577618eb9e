extension Renderer {
  /// Whether a value passes a test.
  func passes(_ value: Value, _ name: String, _ arguments: CallValues) throws -> Bool {
    func argument() throws -> Value { try arguments.value(of: "the test '\(name)'") }
    switch name {
    case "defined": return !value.isUndefined
    case "undefined": return value.isUndefined
    case "none": return value.isNone
    case "boolean": if case .boolean = value { return true } else { return false }
    case "true": if case .boolean(true) = value { return true } else { return false }
    case "false": if case .boolean(false) = value { return true } else { return false }
    case "string": return value.text != nil
    case "mapping": if case .dictionary = value { return true } else { return false }
    case "integer":
      switch value {
      case .integer, .largeInteger: return true
      default: return false
      }
    case "float": if case .double = value { return true } else { return false }
    case "number":
      if case .largeInteger = value { return true }
      return value.double != nil
    case "sequence":
      switch value {
      case .undefined, .string, .markup, .list, .tuple, .dictionary: return true
      case .iterator(let iterator): return iterator.kind == .range
      default: return false
      }
    case "iterable":
      switch value {
      case .undefined, .string, .markup, .list, .tuple, .dictionary, .iterator, .loop: return true
      default: return false
      }
    case "callable":
      switch value {
      case .undefined, .macro, .function, .method, .loop: return true
      default: return false
      }
    case "odd": return try areEqual(try compute(value, .remainder, .integer(2)), .integer(1))
    case "even": return try areEqual(try compute(value, .remainder, .integer(2)), .integer(0))
    case "divisibleby": return try areEqual(try compute(value, .remainder, try argument()), .integer(0))
    case "eq", "equalto", "==": return try areEqual(value, try argument())
    case "ne", "!=": return !(try areEqual(value, try argument()))
    case "lt", "lessthan", "<": return try compare(value, .less, try argument())
    case "le", "<=": return try compare(value, .lessOrEqual, try argument())
    case "gt", "greaterthan", ">": return try compare(value, .greater, try argument())
    case "ge", ">=": return try compare(value, .greaterOrEqual, try argument())
    case "in": return try contains(try argument(), value)
    case "sameas":
      let other = try argument()
      guard value.type == other.type else { return false }
      return try areEqual(value, other)
    case "lower": return isCased(try text(value), lower: true)
    case "upper": return isCased(try text(value), lower: false)
    case "escaped": if case .markup = value { return true } else { return false }
    case "filter": return try Self.filters.contains(text(value))
    case "test": return try Self.tests.contains(text(value))
    default: throw Problem.unsupported("the test '\(name)'")
    }
  }

  static let tests: Set<String> = [
    "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "escaped", "even", "false", "filter", "float",
    "ge", "greaterthan", "gt", "in", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none",
    "number", "odd", "sameas", "sequence", "string", "test", "true", "undefined", "upper",
  ]
}
