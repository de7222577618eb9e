import LossKit

/// Reads a short text that a person wrote, and says where it went wrong: the column, what was expected, and the text with a
/// mark under the place.
struct TextScanner {
  /// What the text is, as errors call it: "objective".
  let subject: String
  private let characters: [Character]
  private var position = 0

  private static let longestText = 65536

  /// Throws for a text that is too long to have been meant.
  init(_ text: String, subject: String) throws {
    self.subject = subject
    guard text.utf8.count <= Self.longestText else {
      throw Failure("\(subject): it is \(text.utf8.count) bytes long; \(Self.longestText) are the limit")
    }
    characters = Array(text)
  }

  /// The column of what comes next, from 1 on.
  var column: Int { position + 1 }

  /// What comes next, white space left out.
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

  /// Takes a character that has to come next; `purpose` says what else may.
  mutating func expect(_ character: Character, or others: String = "") throws {
    guard take(character) else { throw unexpected("'\(character)'\(others)") }
  }

  /// Takes the longest run of characters that satisfy a condition, right here.
  mutating func takeRun(while condition: (Character) -> Bool) -> String {
    let start = position
    while position < characters.count, condition(characters[position]) { position += 1 }
    return String(characters[start..<position])
  }

  /// Takes the text between braces, which may hold braces in pairs.
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

  /// What was found where something else was expected.
  mutating func unexpected(_ expected: String) -> Failure {
    let found = peek().map { "'\($0)'" } ?? "the end"
    return failure("expected \(expected), found \(found)", at: column)
  }

  /// A failure about a column, with a line that shows it.
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
  /// What a name, a key or a word is made of, right or wrong.
  var isOfName: Bool {
    ("a"..."z").contains(self) || ("A"..."Z").contains(self) || isDigit || self == "_" || self == "-"
  }
}
