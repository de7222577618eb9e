import LossKit

/// A word, number or sign of a formula's text, and its column: the first character has column 1.
struct FormulaToken: Equatable {
  enum Kind: Equatable {
    case number(Double)
    case name(String)
    case sign(String)
    case end
  }

  let kind: Kind
  let column: Int

  /// The token's name in errors.
  var words: String {
    switch kind {
    case .number(let value): "'\(roundTripDecimal(value))'"
    case .name(let name): "'\(name.count > 60 ? name.prefix(60) + "…" : name[...])'"
    case .sign(let sign): "'\(sign)'"
    case .end: "the end of the formula"
    }
  }

  /// Splits a text into tokens. Throws `failure` at a character that is not allowed in a formula.
  static func tokens(of text: String, failure: (_ problem: String, _ column: Int) -> Failure) throws -> [FormulaToken] {
    let characters = Array(text)
    var tokens: [FormulaToken] = []
    var position = 0
    func run(from start: Int, _ condition: (Character) -> Bool) -> Int {
      var end = start
      while end < characters.count, condition(characters[end]) { end += 1 }
      return end
    }
    while position < characters.count {
      let start = position
      let character = characters[start]
      if character.isWhitespace {
        position += 1
        continue
      }
      let isFraction = character == "." && start + 1 < characters.count && characters[start + 1].isDigit
      if character.isDigit || isFraction {
        position = endOfNumber(characters, start)
        let digits = String(characters[start..<position])
        guard digits.allSatisfy(\.isOfDecimal), let value = Double(digits) else {
          throw failure("'\(digits)' is not a number", start + 1)
        }
        guard value.isFinite else { throw failure("'\(digits)' is too large", start + 1) }
        tokens.append(FormulaToken(kind: .number(value), column: start + 1))
      } else if character.isOfIdentifier {
        position = run(from: start, \.isOfIdentifier)
        tokens.append(FormulaToken(kind: .name(String(characters[start..<position])), column: start + 1))
      } else {
        let two = start + 1 < characters.count ? String(characters[start...start + 1]) : ""
        let sign = Self.longSigns.contains(two) ? two : String(character)
        guard sign.count == 2 || Self.signs.contains(character) else {
          throw failure("'\(character)' has no meaning in a formula\(hint(character))", start + 1)
        }
        position += sign.count
        tokens.append(FormulaToken(kind: .sign(sign), column: start + 1))
      }
    }
    return tokens + [FormulaToken(kind: .end, column: characters.count + 1)]
  }

  private static let signs: Set<Character> = ["+", "-", "*", "/", "(", ")", "[", "]", ",", ".", ";", "=", "<", ">"]
  private static let longSigns: Set<String> = ["<=", ">=", "==", "!=", "**"]

  private static func hint(_ character: Character) -> String {
    switch character {
    case "^": "; for a power write square(x), or exp(n * log(x))"
    case "−", "–": "; minus is '-'"
    case "×", "·": "; a product is written with '*'"
    case "%", "&", "|", "!", "?", ":": "; a choice is written select(condition, a, b)"
    default: ""
    }
  }

  /// The end of a number: digits, points, an exponent, and any letters, which make it invalid.
  private static func endOfNumber(_ characters: [Character], _ start: Int) -> Int {
    var end = start
    while end < characters.count {
      let character = characters[end]
      let isSign = character == "-" || character == "+"
      let followsExponent = end > start && (characters[end - 1] == "e" || characters[end - 1] == "E")
      guard character.isOfIdentifier || character == "." || (isSign && followsExponent) else { break }
      end += 1
    }
    return end
  }
}

extension Character {
  /// Whether it may occur in a formula's names, valid or not.
  fileprivate var isOfIdentifier: Bool { isOfName && self != "-" }

  /// Whether it may occur in a decimal number; `Double` also accepts hexadecimal ones.
  fileprivate var isOfDecimal: Bool { isDigit || ".eE+-".contains(self) }
}

extension [FormulaToken] {
  /// The text in canonical form, which parses to the same formula: shortest numbers, normalized white space.
  var canonicalText: String {
    var text = ""
    for (index, token) in enumerated() {
      switch token.kind {
      case .number(let value): text += roundTripDecimal(value)
      case .name(let name): text += name
      case .end: break
      case .sign(let sign):
        switch sign {
        case ",", ";": text += "\(sign) "
        case "(", ")", "[", "]", ".": text += sign
        case "-", "+": text += isBehindOperand(index) ? " \(sign) " : sign
        default: text += " \(sign) "
        }
      }
    }
    return text.hasSuffix("; ") ? String(text.dropLast(2)) : text
  }

  /// Whether a value precedes `index`, so that a sign there has two operands.
  private func isBehindOperand(_ index: Int) -> Bool {
    guard index > 0 else { return false }
    switch self[index - 1].kind {
    case .number, .name: return true
    case .sign(let sign): return sign == ")" || sign == "]"
    case .end: return false
    }
  }
}
