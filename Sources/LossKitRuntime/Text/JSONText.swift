/// A JSON value to be written: members keep their order, and a number is written so that it reads back as the same double.
package enum JSONText {
  case null
  case number(Double)
  case integer(Int)
  case boolean(Bool)
  case string(String)
  case array([JSONText])
  case object([(String, JSONText)])

  /// The value in one line. A number that is not finite, which JSON cannot say, is `null`.
  package var compact: String {
    var text = ""
    write(to: &text, depth: nil)
    return text
  }

  /// The value over several lines, for people.
  package var indented: String {
    var text = ""
    write(to: &text, depth: 0)
    return text
  }

  private func write(to text: inout String, depth: Int?) {
    switch self {
    case .null: text += "null"
    case .number(let value): text += value.isFinite ? "\(value)" : "null"
    case .integer(let value): text += "\(value)"
    case .boolean(let value): text += "\(value)"
    case .string(let value): text += Self.quoted(value)
    case .array(let elements):
      Self.write(elements, between: ("[", "]"), to: &text, depth: depth) { $0.write(to: &$1, depth: $2) }
    case .object(let members):
      Self.write(members, between: ("{", "}"), to: &text, depth: depth) { member, text, depth in
        text += Self.quoted(member.0) + ": "
        member.1.write(to: &text, depth: depth)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], between ends: (String, String), to text: inout String, depth: Int?,
    each: (Element, inout String, Int?) -> Void
  ) {
    text += ends.0
    for (place, element) in elements.enumerated() {
      if let depth {
        text += (place == 0 ? "\n" : ",\n") + String(repeating: "  ", count: depth + 1)
      } else if place > 0 {
        text += ", "
      }
      each(element, &text, depth.map { $0 + 1 })
    }
    if let depth, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: depth) }
    text += ends.1
  }

  /// The string in quotes. What needs no escape, nearly all there is, is copied as a whole.
  private static func quoted(_ string: String) -> String {
    var text = "\""
    var rest = string[...]
    while let index = rest.utf8.firstIndex(where: needsEscape) {
      text += rest[..<index]
      text += escape(rest.utf8[index])
      rest = rest[rest.utf8.index(after: index)...]
    }
    return text + rest + "\""
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
