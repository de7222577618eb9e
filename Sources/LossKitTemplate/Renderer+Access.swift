// Attributes, items and slices.
extension Renderer {
  private static let changingMethods: [String: Set<String>] = [
    "list": ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"],
    "dict": ["clear", "pop", "popitem", "setdefault", "update"],
  ]

  /// `value.name`: a method, or else an item.
  func attribute(_ name: String, of value: Value) throws -> Value {
    try requireDefined(value)
    if let method = method(name, of: value) { return method }
    switch value {
    case .dictionary(let members): if let member = members[name] { return member }
    case .namespace(let namespace): if let member = namespace.members[name] { return member }
    case .loop(let loop): if let member = try attribute(name, of: loop) { return member }
    default: break
    }
    return missing(name, in: value)
  }

  private func method(_ name: String, of value: Value) -> Value? {
    let names: Set<String> =
      switch value {
      case .string, .markup: Self.stringMethods
      case .list: ["copy", "count", "index"]
      case .tuple: ["count", "index"]
      case .dictionary: ["copy", "get", "items", "keys", "values"]
      case .loop: ["cycle", "changed"]
      default: []
      }
    if names.contains(name) { return .method(Method(value, name)) }
    guard Self.changingMethods[value.type]?.contains(name) ?? false else { return nil }
    return .undefined("'\(name)' changes a \(value.type), which a template may not")
  }

  private func missing(_ name: String, in value: Value) -> Value {
    let type = value.isNone ? "None" : "'\(value.type) object'"
    return .undefined("\(type) has no attribute '\(name)'")
  }

  private func attribute(_ name: String, of loop: LoopState) throws -> Value? {
    let count = loop.elements.count, index = loop.index
    switch name {
    case "index": return .integer(index + 1)
    case "index0": return .integer(index)
    case "revindex": return .integer(count - index)
    case "revindex0": return .integer(count - index - 1)
    case "first": return .boolean(index == 0)
    case "last": return .boolean(index == count - 1)
    case "length": return .integer(count)
    case "depth": return .integer(loop.level + 1)
    case "depth0": return .integer(loop.level)
    case "previtem": return index > 0 ? loop.elements[index - 1] : .undefined("there is no previous item")
    case "nextitem": return index + 1 < count ? loop.elements[index + 1] : .undefined("there is no next item")
    default: return nil
    }
  }

  /// `value[key]`: an item, or else an attribute.
  func item(_ key: Value, of value: Value) throws -> Value {
    try requireDefined(value)
    switch value {
    case .dictionary(let members):
      if let place = try place(of: key, in: members) { return members.pairs[place].value }
      if let name = key.text, let method = method(name, of: value) { return method }
    case .list(let items), .tuple(let items):
      if let index = key.integer {
        return element(index, of: items.elements) ?? .undefined("'\(value.type) object' has no element \(index)")
      }
    case .iterator(let iterator) where iterator.kind == .range:
      if let index = key.integer, let found = element(index, of: iterator.elements) { return found }
    case .string(let text), .markup(let text):
      if let index = key.integer {
        try charge(text.utf8.count)
        let scalars = Array(text.unicodeScalars)
        return element(index, of: scalars).map { .string(String($0)) }
          ?? .undefined("'str object' has no element \(index)")
      }
    default: break
    }
    if let name = key.text {
      if case .dictionary = value { return missing(name, in: value) }
      return try attribute(name, of: value)
    }
    return .undefined("'\(value.type) object' has no element \(try representation(key))")
  }

  private func element<Element>(_ index: Int, of elements: [Element]) -> Element? {
    let (place, overflow) = index < 0 ? index.addingReportingOverflow(elements.count) : (index, false)
    return !overflow && elements.indices.contains(place) ? elements[place] : nil
  }

  /// `value[start:end:step]`.
  func slice(of value: Value, start: Value?, end: Value?, step: Value?) throws -> Value {
    try requireDefined(value)
    let bounds = try [start, end, step].map { bound -> Int? in
      guard let bound, !bound.isNone else { return nil }
      return try Optional(bound).integer(0, "the bound of a slice")
    }
    let step = bounds[2] ?? 1
    guard step != 0 else { throw Problem("the step of a slice is 0") }
    switch value {
    case .list(let items): return try list(slice(items.elements, bounds[0], bounds[1], step))
    case .tuple(let items): return try tuple(slice(items.elements, bounds[0], bounds[1], step))
    case .iterator(let iterator) where iterator.kind == .range:
      return try self.iterator(.range, slice(iterator.elements, bounds[0], bounds[1], step))
    case .string(let text), .markup(let text):
      try charge(text.utf8.count)
      var result = String.UnicodeScalarView()
      result.append(contentsOf: slice(Array(text.unicodeScalars), bounds[0], bounds[1], step))
      return .string(String(result))
    default: throw Problem("a value of the type \(value.type) has no slices")
    }
  }

  private func slice<Element>(_ elements: [Element], _ start: Int?, _ end: Int?, _ step: Int) -> [Element] {
    let count = elements.count
    // Bounds count from the end if they are negative, and are cut to those of the elements.
    func bound(_ value: Int) -> Int {
      let place = value < 0 ? max(value, -count - 1) + count : value
      return step > 0 ? max(0, min(place, count)) : max(-1, min(place, count - 1))
    }
    let first = start.map(bound) ?? (step > 0 ? 0 : count - 1)
    let last = end.map(bound) ?? (step > 0 ? count : -1)
    let limited = max(-count - 1, min(step, count + 1))
    return stride(from: first, to: last, by: limited).map { elements[$0] }
  }

  // MARK: Dictionaries

  /// The place of a key, or nil.
  func place(of key: Value, in members: Members) throws -> Int? {
    try charge(members.pairs.count)
    if let text = key.text { return members.place(text) }
    switch key {
    case .list, .dictionary, .namespace: throw Problem("a value of the type \(key.type) is no key")
    default: return try members.pairs.firstIndex { try areEqual($0.key, key) }
    }
  }

  /// Sets a member of a dictionary.
  func set(_ key: Value, _ value: Value, in members: inout Members) throws {
    try charge(64)
    try members.set(key, value, at: try place(of: key, in: members))
  }

  /// The dictionary of keywords.
  func dictionary(_ keywords: [(name: String, value: Value)]) throws -> Value {
    var members = Members()
    for keyword in keywords { try set(.string(keyword.name), keyword.value, in: &members) }
    return .dictionary(members)
  }
}
