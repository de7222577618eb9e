/// A piece of a template.
struct Token {
  /// What a token is.
  enum Kind {
    /// Text outside of tags.
    case data
    case variableBegin, variableEnd, blockBegin, blockEnd
    case name, string, integer, float
    /// An operator or a bracket.
    case sign
    /// The end of the template.
    case end
  }

  let kind: Kind
  /// The text; that of a string without quotes and escapes.
  let text: String
  /// The line, from 1.
  let line: Int

  /// The token in messages.
  var shown: String {
    switch kind {
    case .end: "the end of the template"
    case .data: "text"
    case .string: "a string"
    case .variableBegin: "'{{'"
    case .variableEnd: "'}}'"
    case .blockBegin: "'{%'"
    case .blockEnd: "'%}'"
    default: "'\(text)'"
    }
  }
}

/// A reason why a template cannot be read or rendered.
struct Problem: Error {
  /// The line of the template, if it is another one than that which is rendered.
  var line: Int?
  /// The problem, without a remedy.
  let message: String

  init(_ message: String, line: Int? = nil) {
    self.message = message
    self.line = line
  }

  /// A construct that LossKit does not have.
  static func unsupported(_ construct: String, line: Int? = nil) -> Problem {
    Problem("\(construct) is not supported", line: line)
  }
}
