import LossKit

/// The declarations of a header, without layout and function bodies.
struct CDeclarations {
  /// A field of a struct.
  struct Field: Hashable, CustomStringConvertible {
    let type, name: String
    var description: String { "\(type).\(name)" }
  }

  /// A callable: a function, a function type, or a function pointer field.
  struct Callable {
    /// The text between the parentheses.
    let parameters: String
    /// The comment before it.
    let comment: String

    /// The names of pointer parameters.
    var pointers: [String] {
      parameters.matches(of: #/(?:^|, )((?:[^,()]|\([^()]*\))*)/#).map { String($0.output.1) }.filter {
        $0.contains("*")
      }
      .compactMap {
        ($0.firstMatch(of: #/\( \* (\w+) \)/#)?.output.1 ?? $0.firstMatch(of: #/(\w+)(?: \[ \w* \])*\s*$/#)?.output.1)
          .map(String.init)
      }
    }
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
  private(set) var callables: [String: Callable] = [:]
  /// The included files outside the directory.
  private(set) var foreignFiles: Set<String> = []

  /// Reads the output of `cc -E -C -dD`, limited to files in a directory.
  init(preprocessed text: String, of directory: String) throws {
    var isOwn = false
    var own = ""
    for line in text.split(separator: "\n") {
      if let marker = line.wholeMatch(of: #/# \d+ "(.*)".*/#) {
        isOwn = marker.output.1.hasPrefix(directory + "/")
        if !isOwn, marker.output.1.hasPrefix("/") { foreignFiles.insert(String(marker.output.1)) }
      } else if isOwn, let macro = line.wholeMatch(of: #/#define (\w+)(\([^)]*\))?(.*)/#) {
        addMacro(String(macro.output.1), parameters: macro.output.2 ?? "", replacement: macro.output.3)
      } else if isOwn, !line.hasPrefix("#") {
        own += line + "\n"
      }
    }
    try Self.declarations(Self.tokens(own)).forEach { try add($0) }
  }

  /// Whether a name is internal to the header: it ends in '_', with or without a number.
  static func isInternal(_ name: some StringProtocol) -> Bool {
    !name.hasPrefix("_") && name.reversed().drop { $0.isNumber }.first == "_"
  }

  /// The tokens of C, and its comments.
  static func tokens(_ text: some StringProtocol) -> [Substring] {
    Substring(text).matches(of: #/\/\*(?s:.*?)\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)'|\w+|##|\.\.\.|[^\s\w]/#).map(
      \.output)
  }

  static func isComment(_ token: Substring) -> Bool { token.hasPrefix("/*") }

  private mutating func addMacro(_ name: String, parameters: Substring, replacement: Substring) {
    guard !Self.isInternal(name) else { return }
    macros.insert(name)
    // Internal names in macros show where the macros are used.
    let own = Self.tokens(replacement)
    let text = own.contains(where: Self.isInternal) ? ["…"] : own
    texts[name] = (Self.tokens(parameters) + text).joined(separator: " ")
  }

  /// Splits tokens into declarations, without function bodies.
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

  private mutating func add(_ tokens: [Substring]) throws {
    let declaration = tokens.filter { !Self.isComment($0) }
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
    } else if let definition = text.wholeMatch(of: #/(?:typedef )?struct (\w+) \{ .* ; \}(?: \w+)?/#) {
      let name = try named(definition.output.1)
      structs.insert(name)
      types.insert(name)
      texts["struct \(name)"] = text
      let body = tokens.drop { $0 != "{" }.dropFirst().prefix { $0 != "}" }
      for member in body.split(separator: ";") { addFields(member, of: name) }
    } else if text.hasPrefix("typedef ") {
      let pointer = text.firstMatch(of: #/\( \* (\w+) \) \( (.*) \)$/#)
      let name = try named(pointer?.output.1 ?? declaration.last)
      types.insert(name)
      texts["typedef \(name)"] = text
      if let pointer { addCallable(name, pointer.output.2, tokens[...]) }
    } else {
      let prototype = text.replacing(#/__attribute__ \( \( .*? \) \) (?=[a-z])/#, with: "")
      guard let match = prototype.firstMatch(of: #/(\w+) \( (.*) \)$/#) else { return _ = try named(nil) }
      functions.insert(String(match.output.1))
      texts[String(match.output.1)] = prototype
      addCallable(String(match.output.1), match.output.2, tokens[...])
    }
  }

  /// Adds the fields that a member of a struct declares.
  private mutating func addFields(_ member: ArraySlice<Substring>, of type: String) {
    let text = member.filter { !Self.isComment($0) }.joined(separator: " ")
    if let pointer = text.firstMatch(of: #/\( \* (\w+) \) \( (.*) \)$/#) {
      fields.insert(Field(type: type, name: String(pointer.output.1)))
      addCallable("\(type).\(pointer.output.1)", pointer.output.2, member)
    } else {
      for field in text.split(separator: ",") {
        guard let name = field.replacing(#/\[.*/#, with: "").split(separator: " ").last else { continue }
        fields.insert(Field(type: type, name: String(name)))
      }
    }
  }

  private mutating func addCallable(_ name: String, _ parameters: Substring, _ tokens: ArraySlice<Substring>) {
    let comment = tokens.prefix(while: Self.isComment).last
    callables[name] = Callable(parameters: String(parameters), comment: String(comment ?? ""))
  }
}
