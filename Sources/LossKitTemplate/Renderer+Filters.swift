import LossKitSystem

// Filters of texts and numbers.
extension Renderer {
  /// The filters that LossKit has.
  static let filters: Set<String> = [
    "abs", "attr", "batch", "capitalize", "center", "count", "d", "default", "dictsort", "e", "escape", "first",
    "float", "forceescape", "format", "indent", "int", "items", "join", "last", "length", "list", "lower", "map",
    "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "safe", "select", "selectattr", "slice",
    "sort", "string", "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "wordcount",
  ]

  /// The value that a filter makes of another.
  func filtered(_ value: Value, by name: String, _ arguments: CallValues) throws -> Value {
    guard Self.filters.contains(name) else { throw Problem.unsupported("the filter '\(name)'") }
    try charge(64 + 2 * (value.text?.utf8.count ?? 0))
    return try filteredText(value, by: name, arguments) ?? filteredNumber(value, by: name, arguments)
      ?? filteredElements(value, by: name, arguments)
  }

  private func filteredText(_ value: Value, by name: String, _ arguments: CallValues) throws -> Value? {
    let what = "the filter '\(name)'"
    switch name {
    case "upper": return try string(try text(value).uppercased())
    case "lower": return try string(try text(value).lowercased())
    case "capitalize": return try string(capitalized(try text(value)))
    case "title": return try string(titled(try text(value)))
    case "string": return value.text == nil ? try string(try text(value)) : value
    case "safe": return .markup(try text(value))
    case "escape", "e":
      if case .markup = value { return value }
      return .markup(escaped(try text(value)))
    case "forceescape": return .markup(escaped(try text(value)))
    case "trim":
      let characters = try arguments.values("chars", of: what)[0]
      let given = characters.map(\.isNone) ?? true ? nil : try characters.text("", "the argument of \(what)")
      return try string(stripped(try text(value), of: given))
    case "replace":
      let values = try arguments.values("old", "new", "count", of: what)
      guard let old = values[0], let new = values[1] else { throw Problem("\(what) takes two texts") }
      let limit = values[2].map(\.isNone) ?? true ? -1 : try values[2].integer(-1, "the count")
      return try replaced(try text(value), try text(old), try text(new), limit)
    case "center":
      return try padded(
        try text(value), to: try arguments.values("width", of: what)[0].integer(80, "the width"), by: " ", name)
    case "indent": return try indented(value, arguments)
    case "truncate": return try truncated(value, arguments)
    case "wordcount":
      return .integer(
        try text(value).unicodeScalars.split {
          !($0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType != nil)
        }
        .count)
    case "format":
      let values = arguments.keywords.isEmpty ? try tuple(arguments.positional) : try dictionary(arguments.keywords)
      return try string(try formatted(try text(value), values))
    case "tojson": return try json(value, arguments)
    case "attr":
      return try attribute(try text(try arguments.value(of: what)), of: value)
    default: return nil
    }
  }

  /// Words begin behind white space, '-' and opening brackets.
  private func titled(_ text: String) -> String {
    var result = "", begins = true
    for scalar in text.unicodeScalars {
      let separates = scalar.isSpace || ["-", "(", "{", "[", "<"].contains(scalar)
      result += begins && !separates ? scalar.properties.uppercaseMapping : scalar.properties.lowercaseMapping
      begins = separates
    }
    return result
  }

  private func indented(_ value: Value, _ arguments: CallValues) throws -> Value {
    let values = try arguments.values("width", "first", "blank", of: "the filter 'indent'")
    let indent: String
    if let text = values[0]?.text {
      indent = text
    } else {
      let width = max(0, try values[0].integer(4, "the width"))
      try charge(width)
      indent = String(repeating: " ", count: width)
    }
    try requireDefined(value)
    guard let text = value.text else {
      throw Problem("the filter 'indent' takes a text, not a value of the type \(value.type)")
    }
    let indentsBlank = values[2]?.isTrue ?? false, indentsFirst = values[1]?.isTrue ?? false
    let all = lines(text + "\n")
    try charge(all.count * indent.utf8.count)
    let result = all.enumerated().map { place, line in
      place == 0 ? (indentsFirst ? indent + line : line) : line.isEmpty && !indentsBlank ? line : indent + line
    }
    return try string(result.joined(separator: "\n"))
  }

  private func truncated(_ value: Value, _ arguments: CallValues) throws -> Value {
    let values = try arguments.values("length", "killwords", "end", "leeway", of: "the filter 'truncate'")
    let length = try values[0].integer(255, "the length"), end = try values[2].text("...", "the end")
    let leeway = values[3].map(\.isNone) ?? true ? 5 : try values[3].integer(5, "the leeway")
    let scalars = Array(try text(value).unicodeScalars), ending = end.unicodeScalars.count
    guard length >= ending, leeway >= 0 else {
      throw Problem("the filter 'truncate' takes a length above that of its end")
    }
    if scalars.count - length <= leeway { return value }
    var kept = scalars[..<min(scalars.count, length - ending)]
    if !(values[1]?.isTrue ?? false), let space = kept.lastIndex(of: " ") { kept = kept[..<space] }
    return try string(String(String.UnicodeScalarView(kept)) + end)
  }

  private func json(_ value: Value, _ arguments: CallValues) throws -> Value {
    let values = try arguments.values(
      "ensure_ascii", "indent", "separators", "sort_keys", of: "the filter 'tojson'")
    var indent = values[1]?.text
    if case nil = indent, let given = values[1], !given.isNone {
      let width = max(0, try values[1].integer(0, "the indent"))
      try charge(width)
      indent = String(repeating: " ", count: width)
    }
    var separators = (item: indent == nil ? ", " : ",", key: ": ")
    if let given = values[2], !given.isNone {
      let pair = try elements(of: given).map { try $0.textArgument(of: "separators") }
      guard pair.count == 2 else { throw Problem("separators takes two texts") }
      separators = (pair[0], pair[1])
    }
    let layout = JSONLayout(
      indent: indent, separators: separators, sortsKeys: values[3]?.isTrue ?? false,
      escapesUnicode: values[0]?.isTrue ?? false)
    var text = ""
    try writeJSON(value, to: &text, layout)
    return try string(text)
  }

  // MARK: Numbers

  private func filteredNumber(_ value: Value, by name: String, _ arguments: CallValues) throws -> Value? {
    switch name {
    case "abs":
      try requireDefined(value)
      if let integer = value.integer { return integer < 0 ? try negated(value) : .integer(integer) }
      guard case .double(let double) = value else { throw Problem("the filter 'abs' takes a number") }
      return .double(double.magnitude)
    case "int":
      let values = try arguments.values("default", "base", of: "the filter 'int'")
      return try integer(value, base: values[1].integer(10, "the base")) ?? values[0] ?? .integer(0)
    case "float":
      try requireDefined(value)
      let preset = try arguments.values("default", of: "the filter 'float'")[0] ?? .double(0)
      return (value.double ?? value.text.flatMap(double)).map(Value.double) ?? preset
    case "round": return try rounded(value, arguments)
    default: return nil
    }
  }

  private func double(_ text: String) -> Double? {
    let digits = stripped(text, of: nil)
    return digits.utf8.contains { $0 | 0x20 == UInt8(ascii: "x") || $0 == UInt8(ascii: "(") } ? nil : Double(digits)
  }

  private func integer(_ value: Value, base: Int) throws -> Value? {
    try requireDefined(value)
    if let integer = value.integer { return .integer(integer) }
    if case .largeInteger = value { return value }
    guard base == 10 || value.text == nil else { throw Problem.unsupported("another base than 10 of the filter 'int'") }
    if let text = value.text, let integer = Int(stripped(text, of: nil)) { return .integer(integer) }
    guard let double = value.double ?? value.text.flatMap(double), double.isFinite else { return nil }
    guard let integer = Int(exactly: double.rounded(.towardZero)) else { throw Problem("a number is beyond 64 bits") }
    return .integer(integer)
  }

  private func rounded(_ value: Value, _ arguments: CallValues) throws -> Value {
    let values = try arguments.values("precision", "method", of: "the filter 'round'")
    let precision = try values[0].integer(0, "the precision"), method = try values[1].text("common", "the method")
    try requireDefined(value)
    guard let number = value.double else { throw Problem("the filter 'round' takes a number") }
    guard (0...15).contains(precision) else {
      throw Problem.unsupported("the precision \(precision) of the filter 'round'")
    }
    let scale = pow(10, Double(precision))
    switch method {
    case "common":
      if value.integer != nil { return .integer(value.integer ?? 0) }
      return .double(Double(printed("%.\(precision)f", number)) ?? number)
    case "ceil": return .double((number * scale).rounded(.up) / scale)
    case "floor": return .double((number * scale).rounded(.down) / scale)
    default: throw Problem("the filter 'round' takes 'common', 'ceil' or 'floor'")
    }
  }
}
