extension Renderer {
  /// The methods of texts; the last are not supported.
  static let stringMethods: Set<String> = [
    "capitalize", "casefold", "center", "count", "endswith", "find", "format", "index", "isalnum", "isalpha",
    "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "isupper", "join", "ljust", "lower", "lstrip",
    "partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit",
    "rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill",
    "encode", "expandtabs", "format_map", "isascii", "isidentifier", "isprintable", "istitle", "maketrans", "translate",
  ]

  /// The value of a method of a text.
  func call(_ name: String, of text: String, _ arguments: CallValues) throws -> Value {
    try charge(64 + 2 * text.utf8.count)
    switch name {
    case "upper": return try string(text.uppercased())
    case "lower", "casefold": return try string(text.lowercased())
    case "capitalize": return try string(capitalized(text))
    case "title": return try string(titled(text))
    case "swapcase":
      return try string(
        text.unicodeScalars.map {
          $0.properties.isUppercase ? $0.properties.lowercaseMapping : $0.properties.uppercaseMapping
        }
        .joined())
    case "strip", "lstrip", "rstrip":
      let value = try arguments.values("chars", of: name)[0]
      let characters = value.map(\.isNone) ?? true ? nil : try value.text("", "the argument of '\(name)'")
      return try string(stripped(text, of: characters, left: name != "rstrip", right: name != "lstrip"))
    case "split", "rsplit": return try split(text, arguments, fromRight: name == "rsplit")
    case "splitlines":
      let keepsEnds = try arguments.values("keepends", of: name)[0]?.isTrue ?? false
      return try list(lines(text, keepingEnds: keepsEnds).map(Value.string))
    case "partition", "rpartition": return try partition(text, arguments, fromRight: name == "rpartition")
    case "startswith", "endswith": return .boolean(try begins(text, arguments, atEnd: name == "endswith"))
    case "removeprefix", "removesuffix":
      let part = try arguments.value(of: name).textArgument(of: name)
      let atEnd = name == "removesuffix"
      guard !part.isEmpty, self.begins(text, part, atEnd: atEnd) else { return try string(text) }
      return try string(
        LossKitTemplate.string(atEnd ? text.utf8.dropLast(part.utf8.count) : text.utf8.dropFirst(part.utf8.count)))
    case "replace":
      let values = try arguments.values("old", "new", "count", of: name)
      guard let old = values[0], let new = values[1] else { throw Problem("replace takes two texts") }
      return try replaced(
        text, old.textArgument(of: name), new.textArgument(of: name), values[2].integer(-1, "the count"))
    case "find", "rfind", "index", "rindex", "count": return try found(text, name, arguments)
    case "join":
      let parts = try elements(of: try arguments.value(of: name)).map { try $0.textArgument(of: name) }
      return try joined(parts, by: text)
    case "center", "ljust", "rjust":
      let values = try arguments.values("width", "fillchar", of: name)
      return try padded(text, to: values[0].integer(0, "the width"), by: values[1].text(" ", "the filling"), name)
    case "zfill":
      let width = try arguments.values("width", of: name)[0].integer(0, "the width")
      let sign = text.hasPrefix("-") || text.hasPrefix("+") ? String(text.prefix(1)) : ""
      let digits = String(text.dropFirst(sign.count))
      return .string(sign + (try padded(digits, to: max(width, 0) - sign.count, by: "0", "rjust").text ?? ""))
    case "format": return try string(try formatted(text, arguments))
    case "islower": return .boolean(isCased(text, lower: true))
    case "isupper": return .boolean(isCased(text, lower: false))
    default:
      if let result = passes(text, name) { return .boolean(result) }
      throw Problem.unsupported("the method '\(name)' of a text")
    }
  }

  /// Whether all characters are of a kind; nil for an unknown one.
  private func passes(_ text: String, _ name: String) -> Bool? {
    func all(_ condition: (Unicode.Scalar) -> Bool) -> Bool {
      !text.isEmpty && text.unicodeScalars.allSatisfy(condition)
    }
    func isLetter(_ scalar: Unicode.Scalar) -> Bool {
      [.uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter]
        .contains(scalar.properties.generalCategory)
    }
    switch name {
    case "isspace": return all(\.isSpace)
    case "isalpha": return all(isLetter)
    case "isnumeric": return all { $0.properties.numericType != nil }
    case "isdigit": return all { [.decimal, .digit].contains($0.properties.numericType) }
    case "isdecimal": return all { $0.properties.numericType == .decimal }
    case "isalnum": return all { isLetter($0) || $0.properties.numericType != nil }
    case "isascii": return text.utf8.allSatisfy { $0 < 0x80 }
    default: return nil
    }
  }

  private func titled(_ text: String) -> String {
    var result = "", isInWord = false
    for scalar in text.unicodeScalars {
      result += isInWord ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
      isInWord = scalar.properties.isCased
    }
    return result
  }

  private func split(_ text: String, _ arguments: CallValues, fromRight: Bool) throws -> Value {
    let values = try arguments.values("sep", "maxsplit", of: "split")
    let given = try values[1].integer(-1, "the number of divisions"), limit = given < 0 ? Int.max : given
    guard let separator = values[0], !separator.isNone else {
      return try list(words(text, atMost: limit, fromRight: fromRight).map(Value.string))
    }
    let part = Array(try separator.textArgument(of: "split").utf8), bytes = Array(text.utf8)
    guard !part.isEmpty else { throw Problem("split takes a separator that is not empty") }
    var parts: [Value] = [], end = 0
    for range in places(of: part, in: bytes, atMost: limit, fromRight: fromRight) {
      parts.append(.string(LossKitTemplate.string(bytes[end..<range.lowerBound])))
      end = range.upperBound
    }
    return try list(parts + [.string(LossKitTemplate.string(bytes[end...]))])
  }

  /// The places of a part, found from the left or from the right, in their order.
  private func places(of part: [UInt8], in text: [UInt8], atMost limit: Int, fromRight: Bool) -> [Range<Int>] {
    guard fromRight else { return ranges(of: part, in: text, atMost: limit) }
    let count = text.count
    return ranges(of: part.reversed(), in: text.reversed(), atMost: limit).reversed()
      .map { (count - $0.upperBound)..<(count - $0.lowerBound) }
  }

  private func partition(_ text: String, _ arguments: CallValues, fromRight: Bool) throws -> Value {
    let separator = try arguments.value(of: "partition").textArgument(of: "partition"), bytes = Array(text.utf8)
    guard !separator.isEmpty else { throw Problem("partition takes a separator that is not empty") }
    guard let range = places(of: Array(separator.utf8), in: bytes, atMost: 1, fromRight: fromRight).first else {
      return try tuple((fromRight ? ["", "", text] : [text, "", ""]).map(Value.string))
    }
    let parts = [bytes[..<range.lowerBound], bytes[range], bytes[range.upperBound...]]
    return try tuple(parts.map { .string(LossKitTemplate.string($0)) })
  }

  private func begins(_ text: String, _ part: String, atEnd: Bool) -> Bool {
    atEnd ? text.utf8.reversed().starts(with: part.utf8.reversed()) : text.utf8.starts(with: part.utf8)
  }

  private func begins(_ text: String, _ arguments: CallValues, atEnd: Bool) throws -> Bool {
    let function = atEnd ? "endswith" : "startswith"
    let values = try arguments.values("prefix", "start", "end", of: function)
    let part = values[0] ?? .none
    guard case .string(let rest) = try slice(of: .string(text), start: values[1], end: values[2], step: nil) else {
      return false
    }
    if case .tuple(let items) = part {
      return try items.elements.contains { begins(rest, try $0.textArgument(of: function), atEnd: atEnd) }
    }
    return begins(rest, try part.textArgument(of: function), atEnd: atEnd)
  }

  private func found(_ text: String, _ name: String, _ arguments: CallValues) throws -> Value {
    let values = try arguments.values("sub", of: name)
    let part = try (values[0] ?? .none).textArgument(of: name), bytes = Array(text.utf8)
    let length = text.unicodeScalars.count
    if name == "count" {
      return .integer(part.isEmpty ? length + 1 : ranges(of: Array(part.utf8), in: bytes).count)
    }
    let fromRight = name.hasPrefix("r")
    if part.isEmpty { return .integer(fromRight ? length : 0) }
    guard let range = places(of: Array(part.utf8), in: bytes, atMost: 1, fromRight: fromRight).first else {
      guard name.hasSuffix("find") else { throw Problem("\(name): the text is not found") }
      return .integer(-1)
    }
    return .integer(LossKitTemplate.string(bytes[..<range.lowerBound]).unicodeScalars.count)
  }

  /// A text with another in place of a part; a negative limit is none.
  func replaced(_ text: String, _ old: String, _ new: String, _ limit: Int) throws -> Value {
    let count = old.isEmpty ? text.unicodeScalars.count + 1 : ranges(of: Array(old.utf8), in: Array(text.utf8)).count
    let (growth, overflow) = count.multipliedReportingOverflow(by: new.utf8.count)
    try charge(overflow ? .max : growth)
    return try string(replacing(old, in: text, with: new, atMost: limit < 0 ? .max : limit))
  }

  /// Texts with another between them.
  func joined(_ parts: [String], by separator: String) throws -> Value {
    try charge(parts.count * separator.utf8.count)
    return try string(parts.joined(separator: separator))
  }

  /// A text that is made as wide as `width`, as `center`, `ljust` or `rjust` do.
  func padded(_ text: String, to width: Int, by filling: String, _ side: String) throws -> Value {
    guard filling.unicodeScalars.count == 1 else { throw Problem("the filling is no single character") }
    let length = text.unicodeScalars.count
    guard width > length else { return try string(text) }
    let missing = width - length
    try charge(width.multipliedReportingOverflow(by: 4).overflow ? .max : 4 * width)
    let left = side == "ljust" ? 0 : side == "rjust" ? missing : missing / 2 + (missing & width & 1)
    return try string(
      String(repeating: filling, count: left) + text + String(repeating: filling, count: missing - left))
  }
}

extension Value {
  /// The text of an argument.
  func textArgument(of function: String) throws -> String {
    if case .undefined(let message) = self { throw Problem(message) }
    guard let text else { throw Problem("\(function) takes a text, not a value of the type \(type)") }
    return text
  }
}
