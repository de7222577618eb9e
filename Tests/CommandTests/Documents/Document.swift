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

  /// Those whose snippets the tests of this folder run: README.md and what else lies beside it, and the pages of Documentation.
  static func pages() throws -> [Document] {
    let manager = FileManager.default
    let top = try manager.contentsOfDirectory(atPath: Repository.root.path)
    let pages = try manager.contentsOfDirectory(atPath: Repository.root.appendingPathComponent("Documentation").path)
    return try (top + pages.map { "Documentation/\($0)" }).filter { $0.hasSuffix(".md") }.sorted().map(Document.init)
  }

  /// The same, and the pages that other tests run.
  static func all() throws -> [Document] {
    try pages() + ["Examples/Foreign/README.md", "Sources/Python/README.md"].map(Document.init)
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

/// A code block of a document. Its label, behind the opening marks, says how it is tested.
struct Snippet: CustomTestStringConvertible {
  /// The document and the line.
  let place: String
  let label: String
  /// The lines of the block, each with its end.
  let text: String

  /// What its label begins with.
  var language: String { String(label.prefix { $0 != " " }) }
  /// What follows the language.
  var argument: String { String(label.dropFirst(language.count)).trimmingCharacters(in: .whitespaces) }

  /// All of the pages, each text once.
  static func all(labelled isMeant: (Snippet) -> Bool) throws -> [Snippet] {
    var texts: Set<String> = []
    return try Document.pages().flatMap(\.snippets).filter { isMeant($0) && texts.insert($0.text).inserted }
  }

  var testDescription: String { "\(place) \(label)" }
}

/// The checkout that is tested.
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
