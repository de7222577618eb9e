import Foundation
import LossKitJSON
import LossKitTemplate
import Testing

private let file = "../shared/models/chat_templates.json"

/// Chat templates of real models with what transformers renders. They are read from beside the repository, where they are.
@Suite("Chat templates of real models", .enabled(if: FileManager.default.fileExists(atPath: file)))
struct VectorTests {
  @Test("No conversation is rendered otherwise, and those that a template refuses are refused with its words")
  func vectors() throws {
    let fixture = try #require(try JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: file))).object)
    let conversations = try #require(fixture["conversations"]?.object)
    let tokens = ["bos_token", "eos_token"].compactMap { name in fixture[name].map { (name, $0) } }
    var count = 0
    for model in fixture["templates"]?.object?.members ?? [] {
      let template = try ChatTemplate(
        try #require(model.value.object?["template"]?.string), name: model.key)
      for rendering in model.value.object?["rendered"]?.object?.members ?? [] {
        let parts = rendering.key.split(separator: "/").map(String.init)
        let messages = try #require(conversations[parts[0]]?.array)
        let text = Result {
          try template.render(
            messages: messages, addGenerationPrompt: parts[1] == "generate", variables: tokens,
            time: { _ in "26 Jul 2024" })
        }
        if let expected = rendering.value.string {
          #expect(try text.get().utf8.elementsEqual(expected.utf8), "\(model.key) \(rendering.key)")
        } else {
          let words = try #require(rendering.value.object?["error"]?.string)
          #expect(throws: (any Error).self, "\(model.key) \(rendering.key)") { try text.get() }
          if case .failure(let error) = text { #expect("\(error)".contains(words)) }
        }
        count += 1
      }
    }
    #expect(count >= 200)
  }
}
