import Foundation
import Testing

/// A document of the repository, in Markdown.
struct Document: CustomTestStringConvertible {
  /// The path in the repository.
  let path: String
  let lines: [String]

  init(_ path: String) throws {
    self.path = path
    lines = try Repository.text(path).components(separatedBy: "\n")
  }

  /// The documents whose snippets the tests of this folder run: the pages in the root, such as README.md, and in Documentation.
  static func pages() throws -> [Document] {
    let manager = FileManager.default
    let top = try manager.contentsOfDirectory(atPath: Repository.root.path)
    let pages = try manager.contentsOfDirectory(atPath: Repository.root.appendingPathComponent("Documentation").path)
    return try (top + pages.map { "Documentation/\($0)" }).filter { $0.hasSuffix(".md") }.sorted().map(Document.init)
  }

  /// The same, and the pages whose snippets other tests run.
  static func all() throws -> [Document] {
    try pages()
      + ["Examples/Foreign/README.md", "Examples/SmolLM2/README.md", "Sources/Python/README.md"].map(Document.init)
  }

  /// The code blocks.
  var snippets: [Snippet] {
    var found: [Snippet] = []
    var start: Int?
    for (index, line) in lines.enumerated() where line.hasPrefix("```") {
      guard let first = start else {
        start = index
        continue
      }
      let text = lines[(first + 1)..<index].map { $0 + "\n" }.joined()
      found.append(Snippet(place: "\(path):\(first + 1)", label: String(lines[first].dropFirst(3)), text: text))
      start = nil
    }
    return found
  }

  /// The lines outside of code blocks.
  var prose: [String] {
    var isCode = false
    return lines.filter { line in
      if line.hasPrefix("```") { isCode.toggle() }
      return !isCode && !line.hasPrefix("```")
    }
  }

  var testDescription: String { path }
}

/// A code block of a document. The label after the opening marks says how it is tested.
struct Snippet: CustomTestStringConvertible {
  /// The document and the line.
  let place: String
  let label: String
  /// The lines of the block, with line breaks.
  let text: String

  /// The first word of its label.
  var language: String { String(label.prefix { $0 != " " }) }
  /// The label after the language.
  var argument: String { String(label.dropFirst(language.count)).trimmingCharacters(in: .whitespaces) }

  /// The snippets of all pages, without duplicates.
  static func all(labelled isMeant: (Snippet) -> Bool) throws -> [Snippet] {
    var texts: Set<String> = []
    return try Document.pages().flatMap(\.snippets).filter { isMeant($0) && texts.insert($0.text).inserted }
  }

  var testDescription: String { "\(place) \(label)" }
}

/// The checkout under test.
enum Repository {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Whether there is a file or folder at a path.
  static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
  }

  /// The text of a file.
  static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }
}
