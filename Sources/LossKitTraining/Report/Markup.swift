/// Escapes text for HTML and SVG, including attribute values.
func escaped(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    case "\n", "\t": result += " "
    // XML cannot represent the other control characters.
    case _ where scalar.value < 0x20 || scalar.value == 0x7F || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
      result += "\u{FFFD}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// An element with attributes in order, around content that is already markup; an empty element if there is no content.
func element(_ name: String, _ attributes: [(String, String)] = [], _ content: String? = nil) -> String {
  let start = "<\(name)" + attributes.map { " \($0.0)=\"\(escaped($0.1))\"" }.joined()
  return content.map { "\(start)>\($0)</\(name)>" } ?? "\(start)/>"
}

/// A coordinate, rounded to tenths to keep the file small.
func coordinate(_ value: Double) -> String {
  let text = fixed(value, 1)
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
