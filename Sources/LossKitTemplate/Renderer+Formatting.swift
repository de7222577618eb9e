import LossKitSystem

// `"%s" % value` and `"{}".format(value)`.
extension Renderer {
  /// The text of a format with `%`: s, r, d, i, f, e, g, x and %.
  func formatted(_ format: String, _ value: Value) throws -> String {
    var result = "", scalars = Array(format.unicodeScalars)[...], used = 0
    let given: [Value] = if case .tuple(let items) = value { items.elements } else { [value] }
    func nextValue() throws -> Value {
      guard used < given.count else { throw Problem("the format has more values than are given") }
      defer { used += 1 }
      return given[used]
    }
    while let scalar = scalars.popFirst() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      var key: Value?
      if scalars.first == "(" {
        guard let end = scalars.firstIndex(of: ")") else { throw Problem("the format has a '(' without ')'") }
        let name = String(String.UnicodeScalarView(scalars[(scalars.startIndex + 1)..<end]))
        scalars = scalars[(end + 1)...]
        guard case .dictionary(let members) = value, let member = members[name] else {
          throw Problem("the format has the name '\(name)', which is not given")
        }
        key = member
        used = given.count
      }
      let end = scalars.firstIndex { !($0.isDigit || ["-", "+", " ", "0", "#", "."].contains($0)) } ?? scalars.endIndex
      let flags = String(String.UnicodeScalarView(scalars[..<end]))
      scalars = scalars[end...]
      guard let kind = scalars.popFirst() else { throw Problem("the format ends behind '%'") }
      if kind == "%" { result += "%" } else { try append(try formatted(key ?? nextValue(), flags, kind), to: &result) }
    }
    var takesAll = false
    if case .dictionary = value { takesAll = true }
    guard used >= given.count || takesAll else { throw Problem("the format has fewer values than are given") }
    return result
  }

  private func formatted(_ value: Value, _ flags: String, _ kind: Unicode.Scalar) throws -> String {
    guard flags.utf8.count <= 8, (flags.split { !$0.isNumber }.compactMap { Int($0) }.max() ?? 0) < 1000 else {
      throw Problem.unsupported("the format '%\(flags)\(kind)'")
    }
    try charge(256)
    switch kind {
    case "s", "r":
      let text = kind == "s" ? try text(value) : try representation(value)
      if flags.isEmpty { return text }
      guard let width = Int(flags) else { throw Problem.unsupported("the format '%\(flags)\(kind)'") }
      return try padded(text, to: Int(width.magnitude), by: " ", width < 0 ? "ljust" : "rjust").text ?? text
    case "d", "i", "x", "X", "o":
      try requireDefined(value)
      let whole = value.integer ?? value.double.flatMap { Int(exactly: $0.rounded(.towardZero)) }
      guard let whole else { throw Problem("the format '%\(kind)' takes a number") }
      guard kind == "d" || kind == "i" || whole >= 0 else {
        throw Problem.unsupported("the format '%\(kind)' of a negative number")
      }
      return printed("%\(flags)l\(kind)", whole)
    case "f", "F", "e", "E", "g", "G":
      try requireDefined(value)
      guard let number = value.double else { throw Problem("the format '%\(kind)' takes a number") }
      return printed("%\(flags)\(kind)", number)
    default: throw Problem.unsupported("the format '%\(kind)'")
    }
  }

  /// The text of a format with braces: `{}`, `{0}` and `{name}`.
  func formatted(_ format: String, _ arguments: CallValues) throws -> String {
    var result = "", rest = format.unicodeScalars[...], used = 0
    while let scalar = rest.popFirst() {
      if scalar == "}" || (scalar == "{" && rest.first == "{") {
        guard rest.first == scalar else { throw Problem("the format has a '}' without '{'") }
        rest.removeFirst()
        result.unicodeScalars.append(scalar)
      } else if scalar == "{" {
        guard let end = rest.firstIndex(of: "}") else { throw Problem("the format has a '{' without '}'") }
        let name = String(rest[..<end])
        rest = rest[rest.index(after: end)...]
        guard name.unicodeScalars.allSatisfy(\.isName) else { throw Problem.unsupported("the format '{\(name)}'") }
        let place = name.isEmpty ? used : Int(name)
        if name.isEmpty { used += 1 }
        let value =
          if let place { arguments.positional.indices.contains(place) ? arguments.positional[place] : nil } else {
            arguments.keywords.first { $0.name == name }?.value
          }
        guard let value else { throw Problem("the format has '{\(name)}', which is not given") }
        try append(try text(value), to: &result)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// A number in a format of C, which is at most some thousand characters long.
func printed(_ format: String, _ number: some CVarArg) -> String {
  withVaList([number]) { arguments in
    var text = [CChar](repeating: 0, count: 8192)
    let length = vsnprintf(&text, text.count, format, arguments)
    return String(
      decoding: text[..<max(0, min(Int(length), text.count - 1))].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
