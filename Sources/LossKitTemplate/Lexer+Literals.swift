// The numbers and strings of expressions, as Python writes them.
extension Lexer {
  /// Reads 12, 1_000, 0x1F, 1.5 or 1e3.
  mutating func number() throws {
    let start = position, first = line
    if peek() == "0", let letter = peek(1),
      let radix = [("x", 16), ("o", 8), ("b", 2)].first(where: { "\(letter)".lowercased() == $0.0 })?.1
    {
      let end = source[(position + 2)...].firstIndex { !$0.isName } ?? source.count
      let digits = text((position + 2)..<end).filter { $0 != "_" }
      position = end
      guard let value = Int(digits, radix: radix) else {
        throw Problem("'\(text(start..<end))' is no whole number of 64 bits", line: first)
      }
      return add(.integer, String(value), line: first)
    }
    let isMember = start > 0 && source[start - 1] == "."
    var isFloat = false
    digits()
    if !isMember, peek() == ".", peek(1)?.isDigit == true {
      isFloat = true
      position += 1
      digits()
    }
    if !isMember, peek() == "e" || peek() == "E" {
      let sign = peek(1) == "+" || peek(1) == "-" ? 2 : 1
      if peek(sign)?.isDigit == true {
        isFloat = true
        position += sign
        digits()
      }
    }
    add(isFloat ? .float : .integer, text(start..<position).filter { $0 != "_" }, line: first)
  }

  private mutating func digits() {
    while let next = peek(), next.isDigit || (next == "_" && peek(1)?.isDigit == true) { position += 1 }
  }

  /// Reads a string in quotes with Python's escapes.
  mutating func string(_ quote: Unicode.Scalar) throws {
    let first = line
    var value = String.UnicodeScalarView()
    advance(to: position + 1)
    while let next = peek() {
      advance(to: position + 1)
      if next == quote { return add(.string, String(value), line: first) }
      if next == "\\" { try escape(&value) } else { value.append(next) }
    }
    throw Problem("the string has no end, \(quote)", line: first)
  }

  private mutating func escape(_ value: inout String.UnicodeScalarView) throws {
    guard let letter = peek() else { return }
    advance(to: position + 1)
    switch letter {
    case "\n": break
    case "\\", "'", "\"": value.append(letter)
    case "n": value.append("\n")
    case "t": value.append("\t")
    case "r": value.append("\r")
    case "a": value.append("\u{7}")
    case "b": value.append("\u{8}")
    case "f": value.append("\u{C}")
    case "v": value.append("\u{B}")
    case "x": value.append(try scalar(digits: 2, letter))
    case "u": value.append(try scalar(digits: 4, letter))
    case "U": value.append(try scalar(digits: 8, letter))
    case "N": throw Problem.unsupported("the escape \\N", line: line)
    case "0"..."7":
      var code = letter.value - 48
      for _ in 0..<2 {
        guard let digit = peek(), ("0"..."7").contains(digit) else { break }
        code = code * 8 + digit.value - 48
        position += 1
      }
      if let scalar = Unicode.Scalar(code) { value.append(scalar) }
    default:
      value.append("\\")
      value.append(letter)
    }
  }

  private mutating func scalar(digits: Int, _ letter: Unicode.Scalar) throws -> Unicode.Scalar {
    let end = min(position + digits, source.count), text = text(position..<end)
    guard end == position + digits, text.allSatisfy(\.isHexDigit), let code = UInt32(text, radix: 16),
      let scalar = Unicode.Scalar(code)
    else { throw Problem("'\\\(letter)\(text)' is no character", line: line) }
    position = end
    return scalar
  }
}
