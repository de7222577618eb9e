/// Lines of tab-separated fields: the format of the index, and of a process's report on what a library offers.
enum IndexLine {
  /// A line with its end.
  static func text(_ fields: [String]) -> String { fields.map(escaped).joined(separator: "\t") + "\n" }

  /// The fields of a line without its end.
  static func fields(_ line: Substring) -> [String] {
    line.split(separator: "\t", omittingEmptySubsequences: false).map(unescaped)
  }

  private static func escaped(_ field: String) -> String {
    guard field.utf8.contains(where: { "\\\t\n".utf8.contains($0) }) else { return field }
    return field.replacing("\\", with: "\\\\").replacing("\t", with: "\\t").replacing("\n", with: "\\n")
  }

  private static func unescaped(_ field: Substring) -> String {
    guard field.utf8.contains(UInt8(ascii: "\\")) else { return String(field) }
    var text = String.UnicodeScalarView()
    var isEscape = false
    for scalar in field.unicodeScalars {
      if !isEscape, scalar == "\\" {
        isEscape = true
        continue
      }
      text.append(!isEscape ? scalar : scalar == "t" ? "\t" : scalar == "n" ? "\n" : scalar)
      isEscape = false
    }
    return String(text)
  }
}

extension LibraryOffers {
  /// One line per offer, and one for the library of functions.
  var lines: String {
    let offered = offers.map { offer in
      IndexLine.text([
        "offer", offer.kind.rawValue, offer.name, offer.version, offer.summary, offer.hasNumericGradient ? "1" : "0",
      ])
    }
    return offered.joined() + (functionLibrary.map { IndexLine.text(["functions", $0]) } ?? "")
  }

  /// Adds the content of a line. Returns whether it was a line of this kind.
  mutating func add(_ fields: [String]) -> Bool {
    switch (fields.first, fields.count) {
    case ("offer", 6):
      guard let kind = PluginEntryDescription.Kind(rawValue: fields[1]), ["0", "1"].contains(fields[5]) else {
        return false
      }
      offers.append(
        PluginOffer(
          kind: kind, name: fields[2], version: fields[3], summary: fields[4], hasNumericGradient: fields[5] == "1"))
    case ("functions", 2): functionLibrary = fields[1]
    default: return false
    }
    return true
  }
}
