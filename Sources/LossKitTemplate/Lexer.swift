/// Divides a template into tokens, as Jinja does with `trim_blocks` and `lstrip_blocks`.
///
/// The newline after a block or a comment is dropped, and so is white space before one that begins its line. A template's last newline is
/// no part of it. The functions throw a `Problem`.
struct Lexer {
  private(set) var tokens: [Token] = []
  var source: [Unicode.Scalar] = []
  var position = 0
  var line = 1
  /// The closing brackets that are expected.
  private var brackets: [Unicode.Scalar] = []

  /// The tokens of a template; the last is the end.
  static func tokens(of source: String) throws -> [Token] {
    var lexer = Lexer(source)
    while lexer.position < lexer.source.count { try lexer.text() }
    lexer.add(.end, "", line: lexer.line)
    return lexer.tokens
  }

  private init(_ text: String) {
    source.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      if scalar == "\n", source.last == "\r" { source.removeLast() }
      source.append(scalar)
    }
    for place in source.indices where source[place] == "\r" { source[place] = "\n" }
    if source.last == "\n" { source.removeLast() }
  }

  mutating func add(_ kind: Token.Kind, _ text: some StringProtocol, line: Int) {
    tokens.append(Token(kind: kind, text: String(text), line: line))
  }

  // MARK: Places

  /// The scalar at a distance from the current position, or nil.
  func peek(_ distance: Int = 0) -> Unicode.Scalar? {
    position + distance < source.count ? source[position + distance] : nil
  }

  func isAt(_ text: String, _ place: Int) -> Bool {
    source[min(place, source.count)...].starts(with: text.unicodeScalars)
  }

  private func isTag(_ place: Int) -> Bool {
    guard source[place] == "{", place + 1 < source.count else { return false }
    return ["{", "%", "#"].contains(source[place + 1])
  }

  /// Goes to a place, counting the lines.
  mutating func advance(to place: Int) {
    let end = min(place, source.count)
    line += source[position..<end].count { $0 == "\n" }
    position = end
  }

  /// The first place from `place` on that is not white space.
  func afterSpace(_ place: Int) -> Int {
    source[min(place, source.count)...].firstIndex { !$0.isSpace } ?? source.count
  }

  // MARK: Text

  /// Reads text, and the comment or the tag behind it.
  private mutating func text() throws {
    let start = position
    var open = start
    while open < source.count, !isTag(open) { open += 1 }
    guard open < source.count else { return emit(start..<open) }
    let kind = source[open + 1]
    let sign = open + 2 < source.count ? source[open + 2] : " "
    let inside = sign == "-" || sign == "+" ? open + 3 : open + 2
    emit(stripped(start..<open, sign, isVariable: kind == "{"))
    advance(to: open)
    let first = line
    advance(to: inside)
    switch kind {
    case "#": try comment(from: first)
    case "%":
      if let end = rawBegin(inside) {
        advance(to: end)
        try raw(from: first)
      } else {
        add(.blockBegin, "{%", line: first)
        try tag(isBlock: true)
      }
    default:
      add(.variableBegin, "{{", line: first)
      try tag(isBlock: false)
    }
  }

  private mutating func emit(_ range: Range<Int>) {
    if !range.isEmpty { add(.data, text(range), line: line) }
    advance(to: range.upperBound)
  }

  /// The text in front of a tag without the white space that the tag removes.
  private func stripped(_ range: Range<Int>, _ sign: Unicode.Scalar, isVariable: Bool) -> Range<Int> {
    let text = source[range]
    guard sign != "+", sign == "-" || !isVariable else { return range }
    let end = text.lastIndex { !$0.isSpace }.map { $0 + 1 } ?? range.lowerBound
    if sign == "-" { return range.lowerBound..<end }
    let lineStart = text.lastIndex(of: "\n").map { $0 + 1 } ?? range.lowerBound
    guard end <= lineStart, lineStart == 0 || source[lineStart - 1] == "\n" else { return range }
    return range.lowerBound..<lineStart
  }

  private mutating func comment(from first: Int) throws {
    var end = position
    while end < source.count, !isAt("#}", end) { end += 1 }
    guard end < source.count else { throw Problem("the comment has no end, '#}'", line: first) }
    leave(end, sign: end > position ? source[end - 1] : " ")
  }

  /// Goes behind the two characters of an end, with the white space that it removes.
  private mutating func leave(_ end: Int, sign: Unicode.Scalar) {
    advance(to: end + 2)
    if sign == "-" { return advance(to: afterSpace(position)) }
    if sign != "+", peek() == "\n" { advance(to: position + 1) }
  }

  /// The place behind `raw %}`, or nil if the block is another one.
  private func rawBegin(_ inside: Int) -> Int? {
    let word = afterSpace(inside)
    guard isAt("raw", word) else { return nil }
    let end = afterSpace(word + 3)
    if isAt("-%}", end) { return afterSpace(end + 3) }
    return isAt("%}", end) ? end + 2 : nil
  }

  /// Reads text that stands for itself, up to `{% endraw %}`.
  private mutating func raw(from first: Int) throws {
    let start = position
    var open = start
    while open < source.count {
      defer { open += 1 }
      guard isAt("{%", open) else { continue }
      let sign = open + 2 < source.count ? source[open + 2] : " "
      let word = afterSpace(sign == "-" || sign == "+" ? open + 3 : open + 2)
      guard isAt("endraw", word) else { continue }
      let end = afterSpace(word + 6)
      let isSigned = isAt("-%}", end) || isAt("+%}", end)
      guard isSigned || isAt("%}", end) else { continue }
      emit(stripped(start..<open, sign, isVariable: false))
      return leave(isSigned ? end + 1 : end, sign: source[end])
    }
    throw Problem("'raw' has no 'endraw'", line: first)
  }

  // MARK: Tags

  private mutating func tag(isBlock: Bool) throws {
    brackets = []
    let end = isBlock ? "%}" : "}}"
    while true {
      advance(to: afterSpace(position))
      guard let next = peek() else { return }
      if brackets.isEmpty {
        let isSigned = next == "-" || (next == "+" && isBlock)
        if isAt(end, isSigned ? position + 1 : position) {
          add(isBlock ? .blockEnd : .variableEnd, end, line: line)
          if isBlock || isSigned {
            leave(isSigned ? position + 1 : position, sign: next)
          } else {
            advance(to: position + 2)
          }
          return
        }
      }
      if next.isDigit {
        try number()
      } else if next.isName {
        name()
      } else if next == "'" || next == "\"" {
        try string(next)
      } else {
        try sign(next)
      }
    }
  }

  private mutating func name() {
    let end = source[position...].firstIndex { !$0.isName } ?? source.count
    add(.name, text(position..<end), line: line)
    position = end
  }

  func text(_ range: Range<Int>) -> String {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: source[range])
    return String(text)
  }

  private mutating func sign(_ next: Unicode.Scalar) throws {
    let pair = ["//", "**", "==", "!=", ">=", "<="].first { isAt($0, position) }
    let sign = pair ?? String(next)
    switch next {
    case "(": brackets.append(")")
    case "[": brackets.append("]")
    case "{": brackets.append("}")
    case ")", "]", "}":
      guard let expected = brackets.popLast() else { throw Problem("'\(next)' closes nothing", line: line) }
      guard expected == next else { throw Problem("expected '\(expected)', found '\(next)'", line: line) }
    case "!" where pair != nil, "+", "-", "/", "*", "%", "~", "=", ">", "<", ".", ":", "|", ",", ";": break
    default: throw Problem("unexpected character '\(next)'", line: line)
    }
    add(.sign, sign, line: line)
    position += sign.unicodeScalars.count
  }
}

extension Unicode.Scalar {
  var isDigit: Bool { ("0"..."9").contains(self) }

  /// Whether the scalar may stand in a name.
  var isName: Bool {
    self == "_" || isDigit || ("a"..."z").contains(self) || ("A"..."Z").contains(self)
      || (value > 0x7F && properties.isXIDContinue)
  }

  /// Whether Python takes the scalar for white space.
  var isSpace: Bool {
    switch value {
    case 9...13, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }
}
