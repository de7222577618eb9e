import Foundation
import Testing

/// What README.md shows is run here, or is compared with what it shows.
@Suite("README")
struct ReadmeTests {
  @Test("Every shell snippet runs", arguments: try Readme.blocks(of: "sh"))
  func shell(snippet: String) throws {
    try Readme.run(snippet)
  }

  @Test("The table of methods is what losskit list --markdown prints")
  func table() throws {
    let outcome = try Tool.run(["list", "--markdown"])
    let lines = try Readme.file("README.md").split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.hasPrefix("| name | kind |") })
    let table = lines[start...].prefix { $0.hasPrefix("|") }.map { $0 + "\n" }.joined()
    #expect(outcome.status == 0 && table == outcome.output, "put what 'losskit list --markdown' prints in its place")
  }

  @Test("The quickstart's recipe is read, and its objectives resolve")
  func recipe() throws {
    let place = try Workplace()
    let recipe = Readme.root.appendingPathComponent("Examples/quickstart.yaml").path
    let outcome = try Tool.run([
      "compare", "--recipe", recipe, "--output", place.path("out"), "--train-size", "40", "--eval-size", "10",
      "--max-steps", "2", "--start-max-steps", "1", "--policy-set", "hidden_size=16", "--policy-set",
      "num_attention_heads=2",
    ])
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.contains("cal-dpo"))
  }
}

/// README.md and what lies beside it.
enum Readme {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func file(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  /// Runs a shell snippet in a directory of its own, with `losskit` at hand.
  static func run(_ snippet: String) throws {
    let place = try Workplace()
    let outcome = try Tool.shell(
      """
      mkdir '\(place.path("work"))' && cd '\(place.path("work"))' && PATH=$(dirname "$LOSSKIT"):$PATH && set -e
      unset MAKEFLAGS MAKELEVEL
      \(snippet)
      """)
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
  }

  /// The contents of the code blocks of a language, each with its last line's end.
  static func blocks(of language: String, in path: String = "README.md") throws -> [String] {
    let pieces = try file(path).components(separatedBy: "```\(language)\n").dropFirst()
    return pieces.map { String($0.prefix(upTo: $0.range(of: "```")?.lowerBound ?? $0.endIndex)) }
  }
}
