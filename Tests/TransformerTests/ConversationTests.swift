import Foundation
import LossKitJSON
import Testing

@testable import LossKit
@testable import Transformer

/// Real dialogues as the real model's template and tokenizer give them.
@Suite(.enabled(if: SmolLM2.isThere, "needs `make smollm2`"))
struct ConversationTests {
  private static let data = "../shared/data/hh-helpful-train.conversational.jsonl"

  @Test func tokensOfRealDialogues() throws {
    let model = try SmolLM2.load()
    let lines = try String(contentsOfFile: Self.data, encoding: .utf8).split(separator: "\n")
    var compared = 0
    for row in try SmolLM2.rows("smollm2_hh_logps.json", "rows")
    where row["file"]?.string == "hh-helpful-train.conversational.jsonl" {
      let line = lines[try #require(row["line"]?.integer) - 1]
      // The reference values are of a tokenizer without the step that splits numbers into digits.
      guard !line.contains(where: \.isNumber) else { continue }
      let object = try #require(try JSONValue(parsing: Array(line.utf8)).object)
      let prompt = try messages(object["prompt"])
      let responses = try ["chosen", "rejected"].map { try prompt + messages(object[$0]) }
      let start = try model.render([Conversation(prompt)], forGeneration: true)[0]
      let texts = try model.render(responses.map { Conversation($0) }, forGeneration: false)
      #expect(texts.allSatisfy { $0.hasPrefix(start) })
      let encoded = try #require(
        try ModelEncoding(CompanionFiles(in: SmolLM2.path), model.configuration, directory: SmolLM2.path)
      )
      .inForm(.rendered)
      let length = start.count
      let found = try start.withBytes { start in
        try texts[0].dropFirst(length).description.withBytes { chosen in
          try texts[1].dropFirst(length).description.withBytes { rejected in
            try encoded.encode(prompt: start, responses: [chosen, rejected])
          }
        }
      }
      #expect(found.prompt == (try row.integers("prompt_ids")).map(Int32.init))
      #expect(found.responses == (try ["chosen_ids", "rejected_ids"].map { try row.integers($0).map(Int32.init) }))
      compared += 1
    }
    #expect(compared > 20)
  }

  private func messages(_ value: JSONValue?) throws -> [Conversation.Message] {
    try #require(value?.array).map { message in
      Conversation.Message(
        role: try #require(message.object?["role"]?.string), content: try #require(message.object?["content"]?.string))
    }
  }
}

extension String {
  fileprivate func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
    try Array(utf8).withUnsafeBytes(body)
  }
}
