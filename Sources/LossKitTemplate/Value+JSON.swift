import LossKitJSON

extension Value {
  /// A value of JSON, as Python reads it.
  init(_ value: JSONValue) throws {
    switch value {
    case .null: self = .none
    case .bool(let value): self = .boolean(value)
    case .string(let text): self = .string(text)
    case .number(let number):
      if number.text.utf8.contains(where: { [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains($0) }) {
        self = .double(number.double)
      } else {
        self = Int(number.text).map(Value.integer) ?? .largeInteger(number.text)
      }
    case .array(let elements): self = .list(try Items(elements.map { try Value($0) }))
    case .object(let object):
      var members = Members()
      for member in object.members { try members.set(.string(member.key), try Value(member.value), at: nil) }
      self = .dictionary(members)
    }
  }
}

/// How `tojson` writes.
struct JSONLayout {
  var indent: String?
  var separators: (item: String, key: String)
  var sortsKeys: Bool
  var escapesUnicode: Bool
}

extension Renderer {
  /// Writes a value as Python's `json.dumps` does.
  func writeJSON(_ value: Value, to text: inout String, _ layout: JSONLayout, depth: Int = 0) throws {
    try charge(16)
    switch value {
    case .none: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .integer(let value): text += "\(value)"
    case .largeInteger(let digits): text += digits
    case .double(let value): text += jsonText(value)
    case .string(let string), .markup(let string): try writeJSON(string, to: &text, layout)
    case .list(let items), .tuple(let items):
      try writeJSON(items.elements, ("[", "]"), to: &text, layout, depth) { element, text in
        try writeJSON(element, to: &text, layout, depth: depth + 1)
      }
    case .dictionary(let members):
      let pairs = layout.sortsKeys ? try sorted(members.pairs, by: \.key) : members.pairs
      try writeJSON(pairs, ("{", "}"), to: &text, layout, depth) { pair, text in
        try writeJSON(try jsonKey(pair.key), to: &text, layout)
        text += layout.separators.key
        try writeJSON(pair.value, to: &text, layout, depth: depth + 1)
      }
    default: throw Problem("tojson cannot write \(undefinedMessage(value) ?? "a value of the type \(value.type)")")
    }
  }

  private func writeJSON<Element>(
    _ elements: [Element], _ ends: (String, String), to text: inout String, _ layout: JSONLayout, _ depth: Int,
    each: (Element, inout String) throws -> Void
  ) throws {
    text += ends.0
    for (place, element) in elements.enumerated() {
      if place > 0 { text += layout.separators.item }
      try newLine(&text, layout, depth + 1)
      try each(element, &text)
    }
    if !elements.isEmpty { try newLine(&text, layout, depth) }
    text += ends.1
  }

  private func newLine(_ text: inout String, _ layout: JSONLayout, _ depth: Int) throws {
    guard let indent = layout.indent else { return }
    try charge(indent.utf8.count * depth)
    text += "\n" + String(repeating: indent, count: depth)
  }

  private func writeJSON(_ string: String, to text: inout String, _ layout: JSONLayout) throws {
    try charge(string.utf8.count)
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{8}": text += "\\b"
      case "\u{C}": text += "\\f"
      case _ where scalar.value < 0x20 || (layout.escapesUnicode && scalar.value > 0x7E):
        for unit in String(scalar).utf16 { text += "\\u" + hexadecimal(UInt32(unit), digits: 4) }
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }

  private func jsonKey(_ key: Value) throws -> String {
    switch key {
    case .string(let text), .markup(let text): text
    case .none: "null"
    case .boolean(let value): value ? "true" : "false"
    case .integer(let value): "\(value)"
    case .largeInteger(let digits): digits
    case .double(let value): jsonText(value)
    default: throw Problem("tojson cannot write a key of the type \(key.type)")
    }
  }

  private func jsonText(_ value: Double) -> String {
    value.isFinite ? pythonText(value) : value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
  }
}
