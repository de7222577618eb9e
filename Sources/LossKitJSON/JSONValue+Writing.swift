// Writes JSON. Members keep their order, and numbers their text.
extension JSONValue {
  /// The value on one line, with a space after every comma and colon.
  public var compact: String { text(.compact) }

  /// The value on several lines, indented.
  public var indented: String { text(.indented(depth: 0)) }

  /// The value without white space.
  public var dense: String { text(.dense) }

  private enum Layout {
    case dense, compact
    case indented(depth: Int)

    /// The layout inside an array or an object.
    var inner: Layout { if case .indented(let depth) = self { .indented(depth: depth + 1) } else { self } }
    var isDense: Bool { if case .dense = self { true } else { false } }
  }

  private func text(_ layout: Layout) -> String {
    var text: [UInt8] = []
    write(to: &text, layout)
    return String(decoding: text, as: UTF8.self)
  }

  private func write(to text: inout [UInt8], _ layout: Layout) {
    switch self {
    case .null: text += "null".utf8
    case .number(let number): text += number.text.utf8
    case .bool(let value): text += (value ? "true" : "false").utf8
    case .string(let value): Self.write(value, to: &text)
    case .array(let elements):
      Self.write(elements, between: ("[", "]"), to: &text, layout) { $0.write(to: &$1, $2) }
    case .object(let object):
      Self.write(object.members, between: ("{", "}"), to: &text, layout) { member, text, layout in
        Self.write(member.key, to: &text)
        text += (layout.isDense ? ":" : ": ").utf8
        member.value.write(to: &text, layout)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], between ends: (String, String), to text: inout [UInt8], _ layout: Layout,
    each: (Element, inout [UInt8], Layout) -> Void
  ) {
    text += ends.0.utf8
    for (place, element) in elements.enumerated() {
      if place > 0 { text.append(UInt8(ascii: ",")) }
      switch layout {
      case .dense: break
      case .compact: if place > 0 { text.append(UInt8(ascii: " ")) }
      case .indented(let depth): text += "\n\(String(repeating: "  ", count: depth + 1))".utf8
      }
      each(element, &text, layout.inner)
    }
    if case .indented(let depth) = layout, !elements.isEmpty {
      text += "\n\(String(repeating: "  ", count: depth))".utf8
    }
    text += ends.1.utf8
  }

  /// Writes a quoted string. Runs of characters that need no escape are copied whole.
  private static func write(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    var rest = string.utf8[...]
    while let index = rest.firstIndex(where: needsEscape) {
      text += rest[..<index]
      text += escape(rest[index]).utf8
      rest = rest[rest.index(after: index)...]
    }
    text += rest
    text.append(UInt8(ascii: "\""))
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private static func escape(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "\""): return "\\\""
    case UInt8(ascii: "\\"): return "\\\\"
    case UInt8(ascii: "\n"): return "\\n"
    case UInt8(ascii: "\t"): return "\\t"
    case UInt8(ascii: "\r"): return "\\r"
    default:
      let digits = String(byte, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
  }
}
