extension String {
  /// The text with characters that command a terminal, or reorder what it shows, as visible escapes such as `\u{1B}`.
  ///
  /// Names, data, manifests and formulas may hold them. Line ends and tabs stay, except in text that is a part of a line.
  func visible(isPartOfLine: Bool = false) -> String {
    let isKept = { (scalar: Unicode.Scalar) in
      !scalar.isCommand || (!isPartOfLine && (scalar == "\n" || scalar == "\t"))
    }
    guard !unicodeScalars.allSatisfy(isKept) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      if isKept(scalar) {
        text.unicodeScalars.append(scalar)
      } else {
        text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      }
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Whether it is a control character, a line or paragraph separator, or one that sets the direction of text.
  fileprivate var isCommand: Bool {
    switch value {
    case 0...0x1F, 0x7F...0x9F: true
    case 0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
