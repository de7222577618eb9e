import Foundation
import Testing

/// The code blocks of README.md and of the pages in Documentation. The label of a block says how it is tested:
///
/// - `sh`: it runs in an empty directory, with `losskit` in PATH.
/// - `sh make`: each line names a target of the Makefile.
/// - `json train OBJECTIVE`, `json evaluate OBJECTIVE`: it is input for that command.
/// - a language and a path: it is part of that file, which other tests build and run.
/// - `swift`, `c` or `rust`: it is what `losskit new` writes, see `GuideTests`; `swift more` and `c numeric` are compiled there.
/// - no label: it is output of a program, or a grammar.
@Suite("Snippets")
struct SnippetTests {
  @Test("A shell snippet runs", arguments: try Snippet.all { $0.label == "sh" })
  func shell(snippet: Snippet) throws {
    let place = try Workplace()
    let outcome = try Tool.shell(
      """
      mkdir '\(place.path("work"))' && cd '\(place.path("work"))' && PATH=$(dirname "$LOSSKIT"):$PATH && set -e
      unset MAKEFLAGS MAKELEVEL
      \(snippet.text)
      """)
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
  }

  @Test("Data of a snippet can be read", arguments: try Snippet.all { $0.language == "json" })
  func data(snippet: Snippet) throws {
    let place = try Workplace()
    let file = try place.write(snippet.text, as: "data.jsonl")
    let parts = snippet.argument.split(separator: " ", maxSplits: 1).map(String.init)
    try #require(parts.count == 2)
    let arguments =
      switch parts[0] {
      case "train": ["--data", file, "--output", place.path("run"), "--max-steps", "1"] + Tiny.policy
      default: ["--input", file, "--output", place.path("results.jsonl")]
      }
    let outcome = try Tool.run([parts[0], "--loss", parts[1]] + arguments)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(!outcome.error.contains("not read") && !outcome.error.contains("left out"), "\(outcome.error)")
  }

  @Test("A snippet that names a file is part of it", arguments: try Snippet.all { $0.argument.contains("/") })
  func part(snippet: Snippet) throws {
    let file = Repository.root.appendingPathComponent(snippet.argument)
    #expect(try String(contentsOf: file, encoding: .utf8).contains(snippet.text))
  }

  @Test("The make targets in snippets exist", arguments: try Snippet.all { $0.label == "sh make" })
  func make(snippet: Snippet) throws {
    let makefile = try String(contentsOf: Repository.root.appendingPathComponent("Makefile"), encoding: .utf8)
    for line in snippet.text.split(separator: "\n") {
      let words = line.split(separator: " ")
      try #require(words.count >= 2 && words[0] == "make", "\(line)")
      #expect(makefile.contains("\n\(words[1]):"), "the Makefile has no target \(words[1])")
      for name in words.dropFirst(2).compactMap({ $0.split(separator: "=").first }) {
        #expect(makefile.contains("$(\(name))") || makefile.contains("\(name) ?="), "the Makefile reads no \(name)")
      }
    }
  }

  @Test("Every snippet is tested", arguments: try Document.pages())
  func labels(document: Document) {
    let known = ["sh", "sh make", "swift", "swift more", "c", "c numeric", "rust"]
    for snippet in document.snippets {
      let isData = ["train ", "evaluate "].contains { snippet.argument.hasPrefix($0) } && snippet.language == "json"
      let isTested = known.contains(snippet.label) || snippet.argument.contains("/") || isData
      let isCommand = ["losskit ", "make", "swift ", "cc ", "python", "pip ", "git "].contains(
        where: snippet.text.hasPrefix)
      #expect(isTested || snippet.label.isEmpty && !isCommand, "\(snippet.place): no test reads '\(snippet.label)'")
    }
  }
}
