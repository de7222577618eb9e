import LossKit
package import LossKitJSON
import LossKitSystem

/// A model's template of conversations: Jinja, as Hugging Face's transformers set it up.
///
/// All of a template is read at once. A statement, filter, test or function that LossKit does not have is refused where a conversation
/// reaches it. A template may neither run without end nor make text without bound. Any number of threads may use it.
package struct ChatTemplate: Sendable {
  /// The name in messages: the path of the file.
  package let name: String
  private let statements: [Statement]

  /// The longest template in bytes.
  static let longest = 4_000_000

  /// Reads a template. Throws for text that is not Jinja, with its line.
  package init(_ source: String, name: String) throws {
    self.name = name
    guard source.utf8.count <= Self.longest else {
      throw Failure(
        "\(name) is longer than \(Self.longest / 1_000_000) MB; give a chat template with --chat-template FILE")
    }
    do {
      statements = try Parser.statements(of: source)
    } catch let problem as Problem {
      throw Self.failure(problem, name: name, line: 1)
    }
  }

  /// The text of a conversation.
  ///
  /// `addGenerationPrompt` ends it with the beginning of an answer. `variables` are the special tokens and what else the template reads;
  /// `time` is the local time in a format of C's strftime. Throws what the template throws, with its line.
  package func render(
    messages: [JSONValue], tools: [JSONValue]? = nil, addGenerationPrompt: Bool = false,
    variables: [(String, JSONValue)] = [], time: @escaping (String) throws -> String = Self.localTime
  ) throws -> String {
    let renderer = Renderer(time: time)
    defer { renderer.finish() }
    do {
      var values: [String: Value] = [:]
      for (name, value) in variables { values[name] = try Value(value) }
      values["messages"] = try Value(.array(messages))
      values["tools"] = try tools.map { try Value(.array($0)) } ?? Value.none
      values["documents"] = values["documents"] ?? Value.none
      values["add_generation_prompt"] = .boolean(addGenerationPrompt)
      renderer.globals.variables = values
      return try renderer.render(statements)
    } catch let problem as Problem {
      throw Self.failure(problem, name: name, line: renderer.line)
    }
  }

  private static func failure(_ problem: Problem, name: String, line: Int) -> Failure {
    Failure(
      "\(name), line \(problem.line ?? line): \(problem.message); another chat template can be given with --chat-template FILE"
    )
  }

  /// The local time in a format of C's strftime.
  package static func localTime(_ format: String) throws -> String {
    guard format.utf8.count < 256 else { throw Failure("a format of the time is longer than 255 bytes") }
    guard !format.isEmpty else { return "" }
    var now = time(nil), parts = tm()
    localtime_r(&now, &parts)
    var text = [CChar](repeating: 0, count: 4096)
    let length = strftime(&text, text.count, format, &parts)
    return String(decoding: text[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
