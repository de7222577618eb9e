/// The places of a text in another, from the left and not overlapping; none for an empty text. It takes linear time.
func ranges(of part: [UInt8], in text: [UInt8], atMost limit: Int = .max) -> [Range<Int>] {
  guard !part.isEmpty, part.count <= text.count else { return [] }
  // For each prefix of the part, the length of its longest proper end that begins the part, too.
  var borders = [0], matched = 0
  for byte in part.dropFirst() {
    while matched > 0, part[matched] != byte { matched = borders[matched - 1] }
    if part[matched] == byte { matched += 1 }
    borders.append(matched)
  }
  var ranges: [Range<Int>] = []
  matched = 0
  for (place, byte) in text.enumerated() where ranges.count < limit {
    while matched > 0, part[matched] != byte { matched = borders[matched - 1] }
    if part[matched] == byte { matched += 1 }
    if matched == part.count {
      ranges.append((place + 1 - part.count)..<(place + 1))
      matched = 0
    }
  }
  return ranges
}

/// The text of bytes.
func string(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

/// A text with another in place of a part.
func replacing(_ part: String, in text: String, with other: String, atMost limit: Int) -> String {
  let bytes = Array(text.utf8), other = Array(other.utf8)
  var result: [UInt8] = [], end = 0
  if part.isEmpty {
    var count = 0
    for scalar in text.unicodeScalars {
      if count < limit { result += other }
      count += 1
      result += String(scalar).utf8
    }
    return string(count < limit ? result + other : result)
  }
  for range in ranges(of: Array(part.utf8), in: bytes, atMost: limit) {
    result += bytes[end..<range.lowerBound] + other
    end = range.upperBound
  }
  return string(result + bytes[end...])
}

/// A text without characters at its ends: those of `characters`, or white space.
func stripped(_ text: String, of characters: String?, left: Bool = true, right: Bool = true) -> String {
  let set = characters.map { Set($0.unicodeScalars) }
  let removed = { (scalar: Unicode.Scalar) in set?.contains(scalar) ?? scalar.isSpace }
  var rest = text.unicodeScalars[...]
  if left { rest = rest.drop(while: removed) }
  if right, let last = rest.lastIndex(where: { !removed($0) }) {
    rest = rest[...last]
  } else if right {
    rest = rest[rest.endIndex...]
  }
  return String(rest)
}

/// The words between white space; `limit` is the number of divisions.
func words(_ text: String, atMost limit: Int, fromRight: Bool) -> [String] {
  var scalars = Array(text.unicodeScalars)
  if fromRight { scalars.reverse() }
  var words: [String] = [], place = 0
  while let start = scalars[place...].firstIndex(where: { !$0.isSpace }) {
    let end = words.count < limit ? scalars[start...].firstIndex(where: \.isSpace) ?? scalars.count : scalars.count
    let word = scalars[start..<end]
    var view = String.UnicodeScalarView()
    view.append(contentsOf: fromRight ? Array(word.reversed()) : Array(word))
    words.append(String(view))
    place = end
  }
  return fromRight ? words.reversed() : words
}

/// The lines of a text.
func lines(_ text: String, keepingEnds: Bool = false) -> [String] {
  var lines: [String] = [], line = String.UnicodeScalarView(), isOpen = false
  var scalars = text.unicodeScalars.makeIterator(), next = scalars.next()
  while let scalar = next {
    next = scalars.next()
    switch scalar.value {
    case 10...13, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
      if keepingEnds { line.append(scalar) }
      if scalar == "\r", next == "\n" {
        if keepingEnds { line.append("\n") }
        next = scalars.next()
      }
      lines.append(String(line))
      line = String.UnicodeScalarView()
      isOpen = false
    default:
      line.append(scalar)
      isOpen = true
    }
  }
  return isOpen ? lines + [String(line)] : lines
}

/// The text for HTML.
func escaped(_ text: String) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": result.append(contentsOf: "&amp;".unicodeScalars)
    case "<": result.append(contentsOf: "&lt;".unicodeScalars)
    case ">": result.append(contentsOf: "&gt;".unicodeScalars)
    case "'": result.append(contentsOf: "&#39;".unicodeScalars)
    case "\"": result.append(contentsOf: "&#34;".unicodeScalars)
    default: result.append(scalar)
    }
  }
  return String(result)
}

/// The first letter as the beginning of a title, and the others small.
func capitalized(_ text: String) -> String {
  guard let first = text.unicodeScalars.first else { return "" }
  return first.properties.titlecaseMapping + String(text.unicodeScalars.dropFirst()).lowercased()
}

/// Whether a text has letters with a case, all of them small or all large.
func isCased(_ text: String, lower: Bool) -> Bool {
  var hasCased = false
  for scalar in text.unicodeScalars {
    let isLower = scalar.properties.isLowercase
    guard isLower || scalar.properties.isUppercase || scalar.properties.generalCategory == .titlecaseLetter else {
      continue
    }
    guard lower ? isLower : scalar.properties.isUppercase else { return false }
    hasCased = true
  }
  return hasCased
}
