extension Renderer {
  /// The functions that every template has; the last three are not supported.
  static let functions: Set<String> = [
    "range", "dict", "namespace", "raise_exception", "strftime_now", "cycler", "joiner", "lipsum",
  ]

  /// The value of a call.
  func call(_ value: Value, _ arguments: CallValues, caller: Value?) throws -> Value {
    try requireDefined(value)
    switch value {
    case .macro(let macro): return try nested { try call(macro, arguments, caller: caller) }
    case .function(let name): return try call(function: name, arguments)
    case .method(let method): return try call(method, arguments)
    case .loop(let state):
      guard let scope = state.scope else { throw Problem("'loop' is called, but the loop is not 'recursive'") }
      var output = ""
      try nested {
        try execute(
          state.loop, over: try arguments.value(of: "loop"), in: scope, level: state.level + 1, to: &output)
      }
      return .string(output)
    default: throw Problem("a value of the type \(value.type) cannot be called")
    }
  }

  private func call(function name: String, _ arguments: CallValues) throws -> Value {
    switch name {
    case "range": return try range(arguments)
    case "dict": return .dictionary(try members(arguments, of: name))
    case "namespace":
      try charge(64)
      let namespace = Namespace()
      namespace.members = try members(arguments, of: name)
      namespaces.append(namespace)
      return .namespace(namespace)
    case "raise_exception":
      throw Problem("the template refuses the messages: \(try text(try arguments.value(of: name)))")
    case "strftime_now":
      try charge(256)
      return try string(try time(try text(try arguments.value(of: name))))
    default: throw Problem.unsupported("the function '\(name)'")
    }
  }

  private func members(_ arguments: CallValues, of function: String) throws -> Members {
    var members = Members()
    guard arguments.positional.count <= 1 else { throw Problem("\(function) takes at most one value without a name") }
    if let first = arguments.positional.first {
      if case .dictionary(let given) = first {
        members = given
      } else {
        for pair in try elements(of: first) {
          let pair = try elements(of: pair)
          guard pair.count == 2 else { throw Problem("\(function) takes pairs of keys and values") }
          try set(pair[0], pair[1], in: &members)
        }
      }
    }
    for keyword in arguments.keywords { try set(.string(keyword.name), keyword.value, in: &members) }
    return members
  }

  private func range(_ arguments: CallValues) throws -> Value {
    guard arguments.keywords.isEmpty, (1...3).contains(arguments.positional.count) else {
      throw Problem("range takes one to three numbers")
    }
    let numbers = try arguments.positional.map { try Optional($0).integer(0, "the bound of a range") }
    let start = numbers.count == 1 ? 0 : numbers[0], end = numbers.count == 1 ? numbers[0] : numbers[1]
    let step = numbers.count == 3 ? numbers[2] : 1
    guard step != 0 else { throw Problem("the step of a range is 0") }
    let (distance, overflow) = end.subtractingReportingOverflow(start)
    let isEmpty = step > 0 ? end <= start : end >= start
    if isEmpty { return try iterator(.range, []) }
    guard !overflow, distance.magnitude / step.magnitude < 100_000 else {
      throw Problem("a range has more than 100000 numbers")
    }
    return try iterator(.range, stride(from: start, to: end, by: step).map(Value.integer))
  }

  // MARK: Methods of lists, dictionaries and loops

  private func call(_ method: Method, _ arguments: CallValues) throws -> Value {
    switch method.receiver {
    case .string(let text), .markup(let text): return try call(method.name, of: text, arguments)
    case .dictionary(let members): return try call(method.name, of: members, arguments)
    case .list(let items), .tuple(let items): return try call(method.name, of: items.elements, arguments)
    case .loop(let loop): return try call(method.name, of: loop, arguments)
    default: throw Problem.unsupported("the method '\(method.name)'")
    }
  }

  private func call(_ name: String, of members: Members, _ arguments: CallValues) throws -> Value {
    switch name {
    case "get":
      let values = try arguments.values("key", "default", of: "get")
      guard let key = values[0] else { throw Problem("get takes a key") }
      return try place(of: key, in: members).map { members.pairs[$0].value } ?? values[1] ?? .none
    case "items":
      _ = try arguments.values(of: "items")
      return try iterator(.items, try members.pairs.map { try tuple([$0.key, $0.value]) })
    case "keys": return try iterator(.keys, members.pairs.map(\.key))
    case "values": return try iterator(.values, members.pairs.map(\.value))
    default: return .dictionary(members)
    }
  }

  private func call(_ name: String, of elements: [Value], _ arguments: CallValues) throws -> Value {
    switch name {
    case "count":
      let value = try arguments.value(of: "count")
      return .integer(try elements.reduce(0) { try areEqual($1, value) ? $0 + 1 : $0 })
    case "index":
      let value = try arguments.value(of: "index")
      guard let place = try elements.firstIndex(where: { try areEqual($0, value) }) else {
        throw Problem("index looks for what is not in the list")
      }
      return .integer(place)
    default: return try list(elements)
    }
  }

  private func call(_ name: String, of loop: LoopState, _ arguments: CallValues) throws -> Value {
    guard name == "changed" else {
      guard !arguments.positional.isEmpty else { throw Problem("loop.cycle takes values") }
      return arguments.positional[loop.index % arguments.positional.count]
    }
    let value = try tuple(arguments.positional)
    if let last = loop.last, try areEqual(last, value) { return .boolean(false) }
    if case nil = loop.last { loops.append(loop) }
    loop.last = value
    return .boolean(true)
  }
}
