// Filters of lists, dictionaries and other elements.
extension Renderer {
  /// The value of a filter of elements.
  func filteredElements(_ value: Value, by name: String, _ arguments: CallValues) throws -> Value {
    let what = "the filter '\(name)'"
    switch name {
    case "default", "d":
      let values = try arguments.values("default_value", "boolean", of: what)
      let isMissing = value.isUndefined || ((values[1]?.isTrue ?? false) && !value.isTrue)
      return isMissing ? values[0] ?? .string("") : value
    case "length", "count": return .integer(try count(value))
    case "list": return try list(try elements(of: value))
    case "first":
      return try elements(of: value).first ?? .undefined("there is no first item, as the sequence is empty")
    case "last":
      if case .iterator(let iterator) = value, iterator.kind == .generator {
        throw Problem("the filter 'last' takes a list, not a generator; put '| list' before it")
      }
      return try elements(of: value).last ?? .undefined("there is no last item, as the sequence is empty")
    case "reverse":
      if let text = value.text { return try string(String(String.UnicodeScalarView(text.unicodeScalars.reversed()))) }
      return try iterator(.generator, try elements(of: value).reversed())
    case "items":
      if value.isUndefined { return try iterator(.generator, []) }
      guard case .dictionary(let members) = value else {
        throw Problem("\(what) takes a dictionary, not a value of the type \(value.type)")
      }
      return try iterator(.generator, try members.pairs.map { try tuple([$0.key, $0.value]) })
    case "join":
      let values = try arguments.values("d", "attribute", of: what)
      let path = attributePath(values[1])
      let parts = try elements(of: value).map { try text(try follow(path, from: $0)) }
      return try joined(parts, by: try values[0].map(text) ?? "")
    case "map": return try iterator(.generator, try mapped(value, arguments))
    case "select", "reject": return try selected(value, arguments, keeps: name == "select", byAttribute: false)
    case "selectattr", "rejectattr":
      return try selected(value, arguments, keeps: name == "selectattr", byAttribute: true)
    case "batch": return try batched(value, arguments)
    case "slice": return try sliced(value, arguments)
    case "sum":
      let values = try arguments.values("attribute", "start", of: what), path = attributePath(values[0])
      return try elements(of: value).reduce(values[1] ?? .integer(0)) {
        try compute($0, .add, try follow(path, from: $1))
      }
    default: return try ordered(value, by: name, arguments)
    }
  }

  private func count(_ value: Value) throws -> Int {
    switch value {
    case .undefined: return 0
    case .string(let text), .markup(let text): return text.unicodeScalars.count
    case .list(let items), .tuple(let items): return items.elements.count
    case .dictionary(let members): return members.pairs.count
    case .iterator(let iterator) where iterator.kind != .generator: return iterator.elements.count
    case .loop(let loop): return loop.elements.count
    default: throw Problem("a value of the type \(value.type) has no length")
    }
  }

  // MARK: Attributes of elements

  /// The keys of "message.role" or 0.
  private func attributePath(_ attribute: Value?) -> [Value] {
    guard let attribute, !attribute.isNone else { return [] }
    guard let text = attribute.text else { return [attribute] }
    return text.split(separator: ".", omittingEmptySubsequences: false).map { part in
      part.utf8.allSatisfy { (48...57).contains($0) }
        ? Int(part).map(Value.integer) ?? .string(String(part)) : .string(String(part))
    }
  }

  private func follow(_ path: [Value], from value: Value) throws -> Value {
    try path.reduce(value) { try item($1, of: $0) }
  }

  private func mapped(_ value: Value, _ arguments: CallValues) throws -> [Value] {
    let elements = try elements(of: value)
    if let name = arguments.positional.first {
      let name = try name.textArgument(of: "the filter 'map'")
      let rest = CallValues(positional: Array(arguments.positional.dropFirst()), keywords: arguments.keywords)
      return try elements.map { try filtered($0, by: name, rest) }
    }
    let values = try arguments.values("attribute", "default", of: "the filter 'map'")
    guard let attribute = values[0] else { throw Problem("the filter 'map' takes a filter or an attribute") }
    let path = attributePath(attribute)
    return try elements.map { element in
      let found = try path.reduce(element) { value, key in
        let next = try item(key, of: value)
        return next.isUndefined ? values[1] ?? next : next
      }
      return found
    }
  }

  private func selected(_ value: Value, _ arguments: CallValues, keeps: Bool, byAttribute: Bool) throws -> Value {
    guard value.isTrue else { return try iterator(.generator, []) }
    var rest = arguments
    var path: [Value] = []
    if byAttribute {
      guard !rest.positional.isEmpty else { throw Problem("the filter takes the name of an attribute") }
      path = attributePath(rest.positional.removeFirst())
    }
    let test = rest.positional.isEmpty ? nil : try rest.positional.removeFirst().textArgument(of: "the filter")
    return try iterator(
      .generator,
      try elements(of: value).filter { element in
        let tested = try follow(path, from: element)
        return try (test.map { try passes(tested, $0, rest) } ?? tested.isTrue) == keeps
      })
  }

  private func batched(_ value: Value, _ arguments: CallValues) throws -> Value {
    let values = try arguments.values("linecount", "fill_with", of: "the filter 'batch'")
    let size = try values[0].integer(0, "the size of a batch"), elements = try elements(of: value)
    guard size > 0 else { throw Problem("the filter 'batch' takes a size above 0") }
    var batches: [Value] = []
    var start = 0
    while start < elements.count {
      let end = min(elements.count - start, size) + start
      var batch = Array(elements[start..<end])
      if let filling = values[1], !filling.isNone, batch.count < size {
        let (bytes, overflow) = size.multipliedReportingOverflow(by: 32)
        try charge(overflow ? .max : bytes)
        batch += Array(repeating: filling, count: size - batch.count)
      }
      batches.append(try list(batch))
      start = end
    }
    return try iterator(.generator, batches)
  }

  private func sliced(_ value: Value, _ arguments: CallValues) throws -> Value {
    let values = try arguments.values("slices", "fill_with", of: "the filter 'slice'")
    let count = try values[0].integer(0, "the number of slices"), elements = try elements(of: value)
    guard count > 0 else { throw Problem("the filter 'slice' takes a number above 0") }
    try charge(count.multipliedReportingOverflow(by: 32).overflow ? .max : 32 * count)
    let size = elements.count / count, larger = elements.count % count
    var slices: [Value] = []
    var start = 0
    for number in 0..<count {
      let end = start + size + (number < larger ? 1 : 0)
      var slice = Array(elements[start..<end])
      if let filling = values[1], !filling.isNone, number >= larger { slice.append(filling) }
      slices.append(try list(slice))
      start = end
    }
    return try iterator(.generator, slices)
  }

  // MARK: Order

  /// Elements in the order of a key.
  func sorted<Element>(_ elements: [Element], by key: (Element) throws -> Value) throws -> [Element] {
    try elements.map { ($0, try key($0)) }.sorted { try isLess($0.1, $1.1) }.map(\.0)
  }

  /// The value without its case, unless the case counts.
  private func folded(_ value: Value, _ caseSensitive: Value?) throws -> Value {
    guard let text = value.text, !(caseSensitive?.isTrue ?? false) else { return value }
    return try string(text.lowercased())
  }

  private func ordered(_ value: Value, by name: String, _ arguments: CallValues) throws -> Value {
    let what = "the filter '\(name)'"
    switch name {
    case "sort":
      let values = try arguments.values("reverse", "case_sensitive", "attribute", of: what)
      let paths: [[Value]] =
        values[2]?.text?.split(separator: ",").map { attributePath(.string(String($0))) }
        ?? [attributePath(values[2])]
      let key = { (element: Value) in
        let keys = try paths.map { try self.folded(try self.follow($0, from: element), values[1]) }
        return keys.count == 1 ? keys[0] : try self.tuple(keys)
      }
      return try list(try sorted(try elements(of: value), isReversed: values[0]?.isTrue ?? false, by: key))
    case "dictsort":
      let values = try arguments.values("case_sensitive", "by", "reverse", of: what)
      guard case .dictionary(let members) = value else { throw Problem("\(what) takes a dictionary") }
      let by = try values[1].text("key", "'by'")
      guard by == "key" || by == "value" else { throw Problem("\(what) sorts by 'key' or 'value'") }
      let pairs = try sorted(members.pairs, isReversed: values[2]?.isTrue ?? false) { pair in
        try folded(by == "key" ? pair.key : pair.value, values[0])
      }
      return try list(try pairs.map { try tuple([$0.key, $0.value]) })
    case "unique":
      let values = try arguments.values("case_sensitive", "attribute", of: what), path = attributePath(values[1])
      var seen: [Value] = []
      return try iterator(
        .generator,
        try elements(of: value).filter { element in
          let key = try folded(try follow(path, from: element), values[0])
          guard !(try seen.contains { try areEqual($0, key) }) else { return false }
          seen.append(key)
          return true
        })
    case "min", "max":
      let values = try arguments.values("case_sensitive", "attribute", of: what), path = attributePath(values[1])
      let all = try elements(of: value)
      guard var best = all.first else { return .undefined("there is no item, as the sequence is empty") }
      for element in all.dropFirst() {
        let first = try folded(try follow(path, from: best), values[0])
        let second = try folded(try follow(path, from: element), values[0])
        if name == "min" ? try isLess(second, first) : try isLess(first, second) { best = element }
      }
      return best
    default: throw Problem.unsupported(what)
    }
  }

  private func sorted<Element>(
    _ elements: [Element], isReversed: Bool, by key: (Element) throws -> Value
  ) throws -> [Element] {
    // Equal elements keep their order in both directions.
    isReversed ? try sorted(elements.reversed(), by: key).reversed() : try sorted(elements, by: key)
  }
}
