import LossKit

/// What including a header provides, apart from comments, layout and the bodies of functions.
struct CDeclarations {
  /// A field of a struct.
  struct Field: Hashable, CustomStringConvertible {
    let type, name: String
    var description: String { "\(type).\(name)" }
  }

  /// Each declaration by its name: the prototype of a function, the definition of a type, the value of an enumerator, the replacement
  /// of a macro.
  private(set) var texts: [String: String] = [:]
  private(set) var functions: Set<String> = []
  private(set) var types: Set<String> = []
  private(set) var structs: Set<String> = []
  private(set) var fields: Set<Field> = []
  private(set) var enumerators: Set<String> = []
  private(set) var macros: Set<String> = []
  /// The files outside the directory that are included.
  private(set) var foreignFiles: Set<String> = []

  /// Reads what `cc -E -dD` writes, of which the files in a directory count.
  init(preprocessed text: String, of directory: String) throws {
    var isOwn = false
    var tokens: [Substring] = []
    for line in text.split(separator: "\n") {
      if let marker = line.wholeMatch(of: #/# \d+ "(.*)".*/#) {
        isOwn = marker.output.1.hasPrefix(directory + "/")
        if !isOwn, marker.output.1.hasPrefix("/") { foreignFiles.insert(String(marker.output.1)) }
      } else if isOwn, let macro = line.wholeMatch(of: #/#define (\w+)(\([^)]*\))?(.*)/#) {
        addMacro(String(macro.output.1), parameters: macro.output.2 ?? "", replacement: macro.output.3)
      } else if isOwn, !line.hasPrefix("#") {
        tokens += Self.tokens(line)
      }
    }
    try Self.declarations(tokens).forEach { try add($0) }
  }

  /// Whether a name of the header is for the header itself: it ends in '_', with or without a number.
  static func isInternal(_ name: some StringProtocol) -> Bool {
    !name.hasPrefix("_") && name.reversed().drop { $0.isNumber }.first == "_"
  }

  static func tokens(_ text: some StringProtocol) -> [Substring] {
    Substring(text).matches(of: #/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)'|\w+|##|\.\.\.|[^\s\w]/#).map(\.output)
  }

  private mutating func addMacro(_ name: String, parameters: Substring, replacement: Substring) {
    guard !Self.isInternal(name) else { return }
    macros.insert(name)
    // What a macro makes of names that are internal is seen in use.
    let own = Self.tokens(replacement)
    let text = own.contains(where: Self.isInternal) ? ["…"] : own
    texts[name] = (Self.tokens(parameters) + text).joined(separator: " ")
  }

  /// Splits tokens into declarations, of functions with a body without it.
  private static func declarations(_ tokens: [Substring]) -> [[Substring]] {
    var declarations: [[Substring]] = []
    var current: [Substring] = []
    var depth = 0, isBody = false
    for token in tokens {
      if token == "{", depth == 0 {
        isBody = current.last == ")"
        if isBody { declarations.append(current) }
      }
      depth += token == "{" ? 1 : token == "}" ? -1 : 0
      if isBody {
        if depth == 0 { (current, isBody) = ([], false) }
      } else if token == ";", depth == 0 {
        declarations.append(current)
        current = []
      } else {
        current.append(token)
      }
    }
    return declarations
  }

  private mutating func add(_ declaration: [Substring]) throws {
    let text = declaration.joined(separator: " ")
    func named(_ match: Substring?) throws -> String {
      guard let match else { throw Failure("a declaration that is not understood: \(text)") }
      return String(match)
    }
    if let body = text.wholeMatch(of: #/enum \{ (.*) \}/#)?.output.1 {
      for enumerator in body.split(separator: " ,") {
        let parts = enumerator.split(separator: " ", maxSplits: 1)
        enumerators.insert(try named(parts.first))
        texts[try named(parts.first)] = String(try named(parts.last))
      }
    } else if let definition = text.wholeMatch(of: #/(?:typedef )?struct (\w+) \{ (.*) ; \}(?: \w+)?/#) {
      let name = try named(definition.output.1)
      structs.insert(name)
      types.insert(name)
      texts["struct \(name)"] = text
      for field in Self.fields(definition.output.2) { fields.insert(Field(type: name, name: field)) }
    } else if text.hasPrefix("typedef ") {
      let name = try named(text.firstMatch(of: #/\( \* (\w+) \) \(/#)?.output.1 ?? declaration.last)
      types.insert(name)
      texts["typedef \(name)"] = text
    } else {
      let prototype = text.replacing(#/__attribute__ \( \( .*? \) \) (?=[a-z])/#, with: "")
      let name = try named(prototype.firstMatch(of: #/(\w+) \(/#)?.output.1)
      functions.insert(name)
      texts[name] = prototype
    }
  }

  /// The names of the fields in the body of a struct.
  private static func fields(_ body: Substring) -> [String] {
    body.split(separator: " ; ").flatMap { member in
      if let pointer = member.firstMatch(of: #/\( \* (\w+) \) \(/#) { return [String(pointer.output.1)] }
      return member.split(separator: ",").compactMap {
        $0.replacing(#/\[.*/#, with: "").split(separator: " ").last.map(String.init)
      }
    }
  }
}
