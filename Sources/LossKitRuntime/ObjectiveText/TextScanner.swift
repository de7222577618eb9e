import LossKit

/// Scans a short text that a person wrote; errors give the column, what was expected, and the text with a mark under
/// the place.
struct TextScanner {
  /// The subject of error messages: "objective".
  let subject: String
  private let characters: [Character]
  private var position = 0

  private static let longestText = 65536

  /// Throws for a text that is unreasonably long.
  init(_ text: String, subject: String) throws {
    self.subject = subject
    guard text.utf8.count <= Self.longestText else {
      throw Failure("\(subject): it is \(text.utf8.count) bytes long; \(Self.longestText) are the limit")
    }
    characters = Array(text)
  }

  /// The column of the next character, from 1.
  var column: Int { position + 1 }

  /// The next character after white space.
  mutating func peek() -> Character? {
    while position < characters.count, characters[position].isWhitespace { position += 1 }
    return position < characters.count ? characters[position] : nil
  }

  /// Takes a character if it comes next.
  mutating func take(_ character: Character) -> Bool {
    guard peek() == character else { return false }
    position += 1
    return true
  }

  /// Takes a required character; `others` says what else is allowed.
  mutating func expect(_ character: Character, or others: String = "") throws {
    guard take(character) else { throw unexpected("'\(character)'\(others)") }
  }

  /// Takes the longest run of characters that satisfy a condition, without skipping white space.
  mutating func takeRun(while condition: (Character) -> Bool) -> String {
    let start = position
    while position < characters.count, condition(characters[position]) { position += 1 }
    return String(characters[start..<position])
  }

  /// Takes the text between braces, which may contain balanced braces.
  mutating func takeBraced() throws -> (text: String, column: Int) {
    let opening = column
    try expect("{")
    let start = position
    var depth = 1
    while position < characters.count {
      if characters[position] == "{" { depth += 1 }
      if characters[position] == "}" { depth -= 1 }
      if depth == 0 { break }
      position += 1
    }
    guard depth == 0 else { throw failure("this '{' is never closed", at: opening) }
    let text = String(characters[start..<position])
    position += 1
    return (text, start + 1)
  }

  /// The failure for an unexpected character.
  mutating func unexpected(_ expected: String) -> Failure {
    let found = peek().map { "'\($0)'" } ?? "the end"
    return failure("expected \(expected), found \(found)", at: column)
  }

  /// A failure at a column, with a line that shows it.
  func failure(_ problem: String, at column: Int) -> Failure {
    let first = max(0, column - 60)
    let shown = characters[first..<min(characters.count, max(first + 100, column))]
    let line = String(shown.map { $0.isWhitespace ? " " : $0 })
    let indentation = String(repeating: " ", count: column - 1 - first)
    return Failure("\(subject), column \(column): \(problem)\n  \(line)\n  \(indentation)^")
  }
}

extension Character {
  var isDigit: Bool { ("0"..."9").contains(self) }
  /// Whether it may occur in a name, a key or a word, valid or not.
  var isOfName: Bool {
    ("a"..."z").contains(self) || ("A"..."Z").contains(self) || isDigit || self == "_" || self == "-"
  }
}
