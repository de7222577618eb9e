// Values as text, as Python's str() and repr() write them.
extension Renderer {
  /// The text of a value, as `{{ }}` writes it.
  func text(_ value: Value) throws -> String {
    switch value {
    case .string(let text), .markup(let text): return text
    case .undefined: return ""
    default:
      var text = ""
      try write(value, to: &text)
      return text
    }
  }

  /// The value as Python's repr() writes it.
  func representation(_ value: Value) throws -> String {
    var text = ""
    try write(value, to: &text)
    return text
  }

  private func write(_ value: Value, to text: inout String) throws {
    try charge(16)
    switch value {
    case .undefined: text += "Undefined"
    case .none: text += "None"
    case .boolean(let value): text += value ? "True" : "False"
    case .integer(let value): text += "\(value)"
    case .largeInteger(let digits): text += digits
    case .double(let value): text += pythonText(value)
    case .string(let string): text += try quoted(string)
    case .markup(let string): text += "Markup(\(try quoted(string)))"
    case .list(let items): try write(items.elements, "[", "]", to: &text)
    case .tuple(let items): try write(items.elements, "(", items.elements.count == 1 ? ",)" : ")", to: &text)
    case .dictionary(let members):
      text += "{"
      for (place, pair) in members.pairs.enumerated() {
        if place > 0 { text += ", " }
        try write(pair.key, to: &text)
        text += ": "
        try write(pair.value, to: &text)
      }
      text += "}"
    case .iterator(let iterator) where [.items, .keys, .values].contains(iterator.kind):
      try write(iterator.elements, "\(iterator.kind.rawValue)([", "])", to: &text)
    default: throw Problem.unsupported("the text of a value of the type \(value.type)")
    }
  }

  private func write(_ elements: [Value], _ begin: String, _ end: String, to text: inout String) throws {
    text += begin
    for (place, element) in elements.enumerated() {
      if place > 0 { text += ", " }
      try write(element, to: &text)
    }
    text += end
  }

  private func quoted(_ string: String) throws -> String {
    try charge(string.utf8.count)
    let quote: Unicode.Scalar =
      string.utf8.contains(UInt8(ascii: "'")) && !string.utf8.contains(UInt8(ascii: "\"")) ? "\"" : "'"
    var text = String(quote)
    for scalar in string.unicodeScalars {
      switch scalar {
      case quote, "\\": text += "\\\(scalar)"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.isPrintable: text.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x100: text += "\\x" + hexadecimal(scalar.value, digits: 2)
      case _ where scalar.value < 0x10000: text += "\\u" + hexadecimal(scalar.value, digits: 4)
      default: text += "\\U" + hexadecimal(scalar.value, digits: 8)
      }
    }
    return text + String(quote)
  }
}

extension Unicode.Scalar {
  fileprivate var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    case .spaceSeparator: self == " "
    default: true
    }
  }
}

/// A number in hexadecimal digits.
func hexadecimal(_ value: UInt32, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}

/// A floating-point number as Python's repr() writes it: 1.0, 1e+16, 1e-05.
func pythonText(_ value: Double) -> String {
  if value.isNaN { return "nan" }
  if value.isInfinite { return value < 0 ? "-inf" : "inf" }
  let sign = value.sign == .minus ? "-" : "", text = "\(value.magnitude)"
  let parts = text.split(separator: "e")
  let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
  let whole = mantissa[0], fraction = mantissa.count > 1 ? mantissa[1] : ""
  var digits = String(whole + fraction), point = whole.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
  while digits.hasPrefix("0"), digits.count > 1 {
    digits.removeFirst()
    point -= 1
  }
  while digits.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
  if digits == "0" { return sign + "0.0" }
  if point <= -4 || point > 16 {
    let exponent = point - 1
    let rest = digits.count > 1 ? "." + digits.dropFirst() : ""
    let size = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
    return "\(sign)\(digits.prefix(1))\(rest)e\(exponent < 0 ? "-" : "+")\(size)"
  }
  if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
  if digits.count <= point { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
  return sign + digits.prefix(point) + "." + digits.dropFirst(point)
}
