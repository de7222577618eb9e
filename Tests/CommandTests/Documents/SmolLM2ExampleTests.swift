import Foundation
import Testing

/// The model that `make smollm2` downloads; outside the suite, whose attribute cannot refer to its own members.
private let smolLM2 = Repository.root.path + "/.build/models/SmolLM2-135M-Instruct"

/// The commands of Examples/SmolLM2/README.md, with the row it shows as data.
@Suite(
  .enabled(
    if: FileManager.default.fileExists(atPath: smolLM2 + "/model.safetensors"), "needs `make smollm2`"
  ))
struct SmolLM2ExampleTests {
  @Test func theCommandsRun() throws {
    let snippets = try Document("Examples/SmolLM2/README.md").snippets
    let row = try #require(snippets.first { $0.label == "json pairs" }).text
    let place = try Workplace()
    for name in ["pairs.jsonl", "held-out.jsonl"] { _ = try place.write(row, as: name) }
    let commands = snippets.filter { $0.label == "sh" }
    #expect(commands.count == 2)
    let outcome = try Tool.shell(
      """
      cd '\(place.path("."))' && PATH=$(dirname "$LOSSKIT"):$PATH && set -e
      mkdir -p .build/models && ln -s '\(smolLM2)' .build/models/SmolLM2-135M-Instruct
      \(commands.map(\.text).joined())
      ls runs/smollm2/dpo/model/tokenizer.json runs/smollm2/report.html
      """)
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.error)")
    #expect(outcome.output.contains("\"logp\""))
  }
}
