import Foundation
import Testing

/// The plugins in the guide to writing losses.
@Suite("Guide") struct GuideTests {
  private static let path = "Documentation/WritingLosses.md"

  /// The texts of the guide's snippets with a label.
  private static func snippets(_ label: String) throws -> [String] {
    try Document(path).snippets.filter { $0.label == label }.map(\.text)
  }

  @Test(
    "A plugin in a page is what losskit new writes",
    arguments: [("swift", "Sources/MyLoss/MyLoss.swift"), ("c", "my_loss.c"), ("rust", "src/lib.rs")])
  func template(language: String, file: String) throws {
    let place = try Workplace()
    let arguments = ["new", "my-loss", "--language", language, "--directory", place.path("my-loss")]
    #expect(try Tool.run(arguments).status == 0)
    let written = try place.text("my-loss/\(file)")
    #expect(try Self.snippets(language) == [written])
    #expect(try Snippet.all { $0.label == language }.allSatisfy { $0.text == written })
  }

  @Test("The C plugin with numeric gradients compiles with the line in the guide, and works")
  func numeric() throws {
    let source = try #require(try Self.snippets("c numeric").first)
    let line = try #require(
      try Repository.text(Self.path).split(separator: "`").first { $0.hasPrefix("cc ") },
      "no line that compiles is shown")
    let place = try Workplace()
    let plugins = try place.makeDirectory("plugins")
    try place.write(source, as: "plugins/my_loss.c")
    let headers = Repository.root.appendingPathComponent("Sources/CLossKit/include").path
    let compiled = try Tool.shell("cd '\(plugins)' && CPATH='\(headers)' \(line)")
    try #require(compiled.status == 0, "\(compiled.error)")
    let described = try Tool.run(["describe", "my-loss", "--plugin-path", plugins])
    #expect(described.status == 0 && described.output.contains("numeric"))
  }

  @Test("Every further Swift snippet is a component that opens and evaluates")
  func more() throws {
    let blocks = try Self.snippets("swift more")
    #expect(blocks.count >= 6)
    let types = blocks.flatMap { $0.matches(of: /struct (\w+):/).map { String($0.output.1) } }
    let names = blocks.flatMap { $0.matches(of: /static let name = "(.+)"/).map { String($0.output.1) } }
    let source = """
      import LossKit
      \(blocks.joined(separator: "\n"))
      @c(losskit_plugin_entry_v1)
      public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
        Plugin.export(\(types.map { "\($0).self" }.joined(separator: ", ")), error: error)
      }
      """
    let place = try Workplace()
    let plugins = try place.makeDirectory("plugins")
    try SwiftPlugin.compile(source, to: place.path("plugins/libguide.so"))
    let rows = try place.write(
      """
      {"policy_logp": [-10, -12], "reference_logp": [-11, -11], "margin": 0.5, "token_count": [2, 3], \
      "policy_token_logp": [[-4, -6], [-3, -4, -5]], "reference_token_logp": [[-5, -6], [-3, -4, -4]]}
      """, as: "rows.jsonl")
    for name in names {
      let reward = name.hasSuffix("ratio") ? "dpo @ \(name)" : name
      let outcome = try Tool.run([
        "evaluate", "--loss", reward, "--plugin-path", plugins, "--input", rows, "--output", "-",
      ])
      #expect(outcome.status == 0 && outcome.output.contains("loss"), "\(name): \(outcome.error)")
    }
    // Losses without a reference: −5 and −4 nats per token, 1 below the target margin; the chosen response's alone.
    let ownRows = try place.write("{\"policy_logp\": [-10, -12], \"token_count\": [2, 3]}\n", as: "own.jsonl")
    for (name, loss) in [("mean-hinge", 1.5), ("chosen-likelihood", 5)] {
      let outcome = try Tool.run([
        "evaluate", "--loss", name, "--plugin-path", plugins, "--input", ownRows, "--output", "-",
      ])
      #expect(try jsonLines(outcome.output).first?["loss"] as? Double == loss, "\(name): \(outcome.error)")
    }
  }
}
