/// Text made safe to stand in HTML and SVG, in an attribute, too.
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
    // XML has no way to write the other control characters.
    case _ where scalar.value < 0x20 || scalar.value == 0x7F || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
      result += "\u{FFFD}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// An element with attributes in order, around content that is markup already; an empty element without content.
func element(_ name: String, _ attributes: [(String, String)] = [], _ content: String? = nil) -> String {
  let start = "<\(name)" + attributes.map { " \($0.0)=\"\(escaped($0.1))\"" }.joined()
  return content.map { "\(start)>\($0)</\(name)>" } ?? "\(start)/>"
}

/// A coordinate: tenths are enough for a picture, and keep the file small.
func coordinate(_ value: Double) -> String {
  let text = fixed(value, 1)
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
