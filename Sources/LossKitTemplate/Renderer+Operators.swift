import LossKitSystem

extension Renderer {
  // MARK: Arithmetic

  /// The value of an operator.
  func compute(_ left: Value, _ operation: ArithmeticOperator, _ right: Value) throws -> Value {
    try requireDefined(left, right)
    if let first = left.integer, let second = right.integer { return try compute(first, operation, second) }
    if let first = left.double, let second = right.double { return .double(try compute(first, operation, second)) }
    switch (operation, left, right) {
    case (.add, .list(let first), .list(let second)): return try list(first.elements + second.elements)
    case (.add, .tuple(let first), .tuple(let second)): return try tuple(first.elements + second.elements)
    case (.add, _, _):
      if let first = left.text, let second = right.text { return try joined(left, first, right, second) }
    case (.multiply, _, _):
      if let count = right.integer { return try repeated(left, count) }
      if let count = left.integer { return try repeated(right, count) }
    case (.remainder, _, _):
      if let format = left.text { return try string(try formatted(format, right)) }
    default: break
    }
    throw wrongOperands(operation.rawValue, left, right)
  }

  private func wrongOperands(_ operation: String, _ left: Value, _ right: Value) -> Problem {
    for case .largeInteger(let digits) in [left, right] {
      return Problem("'\(operation)' takes no number beyond 64 bits, as \(digits)")
    }
    return Problem("'\(operation)' takes no values of the types \(left.type) and \(right.type)")
  }

  private func joined(_ left: Value, _ first: String, _ right: Value, _ second: String) throws -> Value {
    try charge(first.utf8.count + second.utf8.count)
    switch (left, right) {
    case (.markup, .markup): return .markup(first + second)
    case (.markup, _): return .markup(first + escaped(second))
    case (_, .markup): return .markup(escaped(first) + second)
    default: return .string(first + second)
    }
  }

  private func repeated(_ value: Value, _ count: Int) throws -> Value {
    let times = max(0, count)
    func total(_ size: Int) throws -> Int {
      let (total, overflow) = size.multipliedReportingOverflow(by: times)
      try charge(overflow ? .max : total)
      return total
    }
    switch value {
    case .string(let text), .markup(let text):
      return .string(try total(text.utf8.count) == 0 ? "" : String(repeating: text, count: times))
    case .list(let items):
      return try total(32 * items.elements.count) == 0
        ? try list([]) : try list(Array(repeatElement(items.elements, count: times).joined()))
    case .tuple(let items):
      return try total(32 * items.elements.count) == 0
        ? try tuple([]) : try tuple(Array(repeatElement(items.elements, count: times).joined()))
    default: throw wrongOperands("*", value, .integer(count))
    }
  }

  private func compute(_ left: Int, _ operation: ArithmeticOperator, _ right: Int) throws -> Value {
    let result: (partialValue: Int, overflow: Bool)
    switch operation {
    case .add: result = left.addingReportingOverflow(right)
    case .subtract: result = left.subtractingReportingOverflow(right)
    case .multiply: result = left.multipliedReportingOverflow(by: right)
    case .divide: return .double(try compute(Double(left), .divide, Double(right)))
    case .divideDown:
      guard right != 0 else { throw Problem("a number is divided by 0") }
      result = left.dividedReportingOverflow(by: right)
      if !result.overflow, left % right != 0, (left < 0) != (right < 0) { return .integer(result.partialValue - 1) }
    case .remainder:
      guard right != 0 else { throw Problem("a number is divided by 0") }
      guard right != -1 else { return .integer(0) }
      let rest = left % right
      return .integer(rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest)
    case .power:
      guard right >= 0 else { return .double(try compute(Double(left), .power, Double(right))) }
      return .integer(try power(left, right))
    }
    guard !result.overflow else { throw Problem("a number is beyond 64 bits") }
    return .integer(result.partialValue)
  }

  private func power(_ base: Int, _ exponent: Int) throws -> Int {
    if base == 0 || base == 1 { return exponent == 0 ? 1 : base }
    if base == -1 { return exponent.isMultiple(of: 2) ? 1 : -1 }
    var result = 1
    for _ in 0..<exponent {
      let (next, overflow) = result.multipliedReportingOverflow(by: base)
      guard !overflow else { throw Problem("a number is beyond 64 bits") }
      result = next
    }
    return result
  }

  private func compute(_ left: Double, _ operation: ArithmeticOperator, _ right: Double) throws -> Double {
    switch operation {
    case .add: return left + right
    case .subtract: return left - right
    case .multiply: return left * right
    case .power:
      let result = pow(left, right)
      guard !result.isNaN || left.isNaN || right.isNaN, !result.isInfinite || left.isInfinite || right.isInfinite else {
        throw Problem("a power is no number")
      }
      return result
    case .divide, .divideDown, .remainder:
      guard right != 0 else { throw Problem("a number is divided by 0") }
      if operation == .divide { return left / right }
      var rest = fmod(left, right)
      if rest != 0, (rest < 0) != (right < 0) { rest += right }
      if operation == .remainder { return rest == 0 ? Double(signOf: right, magnitudeOf: 0) : rest }
      return ((left - rest) / right).rounded()
    }
  }

  /// The negative of a number.
  func negated(_ value: Value) throws -> Value {
    try requireDefined(value)
    if let integer = value.integer { return try compute(0, .subtract, integer) }
    guard case .double(let double) = value else { throw Problem("'-' takes no value of the type \(value.type)") }
    return .double(-double)
  }

  // MARK: Comparisons

  /// Whether a comparison holds.
  func compare(_ left: Value, _ operation: ComparisonOperator, _ right: Value) throws -> Bool {
    switch operation {
    case .equal: return try areEqual(left, right)
    case .unequal: return !(try areEqual(left, right))
    case .isIn: return try contains(right, left)
    case .isNotIn: return !(try contains(right, left))
    case .less: return try isLess(left, right, "<")
    case .greater: return try isLess(right, left, ">")
    case .lessOrEqual, .greaterOrEqual:
      let (first, second) = operation == .lessOrEqual ? (left, right) : (right, left)
      // Nothing is less or equal to what is no number.
      if try isLess(first, second, operation.rawValue) { return true }
      return try areEqual(first, second)
    }
  }

  /// Whether two values are equal for Python.
  func areEqual(_ left: Value, _ right: Value) throws -> Bool {
    try charge(4)
    if let first = left.integer, let second = right.integer { return first == second }
    if let first = left.double, let second = right.double { return first == second }
    if let first = left.text, let second = right.text { return isSame(first, second) }
    switch (left, right) {
    case (.none, .none), (.undefined, .undefined): return true
    case (.largeInteger(let first), .largeInteger(let second)): return first == second
    case (.list(let first), .list(let second)), (.tuple(let first), .tuple(let second)):
      guard first.elements.count == second.elements.count else { return false }
      return try zip(first.elements, second.elements).allSatisfy { try areEqual($0, $1) }
    case (.dictionary(let first), .dictionary(let second)):
      guard first.pairs.count == second.pairs.count else { return false }
      return try first.pairs.allSatisfy { pair in
        guard let place = try place(of: pair.key, in: second) else { return false }
        return try areEqual(pair.value, second.pairs[place].value)
      }
    case (.iterator(let first), .iterator(let second)): return first === second
    case (.namespace(let first), .namespace(let second)): return first === second
    case (.macro(let first), .macro(let second)): return first === second
    case (.loop(let first), .loop(let second)): return first === second
    case (.function(let first), .function(let second)): return first == second
    default: return false
    }
  }

  /// Whether a value comes before another.
  func isLess(_ left: Value, _ right: Value, _ operation: String = "<") throws -> Bool {
    try requireDefined(left, right)
    try charge(4)
    if let first = left.integer, let second = right.integer { return first < second }
    if let first = left.double, let second = right.double { return first < second }
    if let first = left.text, let second = right.text {
      return first.unicodeScalars.lexicographicallyPrecedes(second.unicodeScalars)
    }
    switch (left, right) {
    case (.list(let first), .list(let second)), (.tuple(let first), .tuple(let second)):
      for (first, second) in zip(first.elements, second.elements) where !(try areEqual(first, second)) {
        return try isLess(first, second, operation)
      }
      return first.elements.count < second.elements.count
    default: throw wrongOperands(operation, left, right)
    }
  }

  /// Whether `element in container` holds.
  func contains(_ container: Value, _ element: Value) throws -> Bool {
    switch container {
    case .string(let text), .markup(let text):
      guard let part = element.text else {
        throw Problem("'in' looks for a text in a text, not for a value of the type \(element.type)")
      }
      try charge(text.utf8.count)
      return part.isEmpty || !ranges(of: Array(part.utf8), in: Array(text.utf8), atMost: 1).isEmpty
    case .dictionary(let members): return try place(of: element, in: members) != nil
    default: return try elements(of: container).contains { try areEqual($0, element) }
    }
  }
}
