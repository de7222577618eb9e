import Foundation
import LossKitJSON
import LossKitTokenizer
import Testing

private let folder = "../shared/models/tokenizers"

/// Texts with the tokens that Hugging Face's tokenizers give them. They are read from beside the repository, where they are.
@Suite("Tokenizers of real models", .enabled(if: FileManager.default.fileExists(atPath: folder)))
struct VectorTests {
  struct Vector {
    let kind, text, decoded, decodedWithoutSpecial: String
    let tokens, tokensWithSpecial: [Int32]

    init?(_ value: JSONValue) {
      guard let members = value.object, let kind = members["kind"]?.string, let text = members["text"]?.string,
        let tokens = Self.tokens(members["ids"])
      else { return nil }
      self.kind = kind
      self.text = text
      self.tokens = tokens
      decoded = members["decoded"]?.string ?? text
      decodedWithoutSpecial = members["decoded_without_special"]?.string ?? decoded
      tokensWithSpecial = Self.tokens(members["ids_with_special"]) ?? tokens
    }

    private static func tokens(_ value: JSONValue?) -> [Int32]? {
      value?.array?.compactMap { $0.integer.map { Int32($0) } }
    }
  }

  @Test(
    "No text has another token",
    arguments: [
      ("gpt2", "gpt2"), ("qwen2", "qwen2"), ("smollm2-digits", "smollm2_digits"), ("mistral-v3", "mistral_v3"),
      ("gemma-form", "gemma_form"),
    ])
  func vectors(directory: String, name: String) throws {
    let tokenizer = try Tokenizer(contentsOf: "\(folder)/\(directory)/tokenizer.json")
    let file = try JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: "\(folder)/tokenizer_\(name).json")))
    let tests = file.object?["tests"]?.array ?? []
    let vectors = tests.compactMap { Vector($0) }
    #expect(vectors.count == tests.count && vectors.count > 300)
    for vector in vectors {
      #expect(
        try tokenizer.encode(vector.text).tokens == vector.tokens, "\(vector.kind): \(vector.text.debugDescription)")
      #expect(
        try tokenizer.encode(vector.text, addingSpecialTokens: true).tokens == vector.tokensWithSpecial,
        "\(vector.kind): \(vector.text.debugDescription)")
      #expect(
        try tokenizer.decode(vector.tokens).utf8.elementsEqual(vector.decoded.utf8),
        "\(vector.kind): \(vector.text.debugDescription)")
      #expect(
        try tokenizer.decode(vector.tokens, skippingSpecialTokens: true).utf8.elementsEqual(
          vector.decodedWithoutSpecial.utf8),
        "\(vector.kind): \(vector.text.debugDescription)")
    }
  }
}
