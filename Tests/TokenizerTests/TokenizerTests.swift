import Foundation
import LossKit
import Testing

@testable import LossKitTokenizer

/// Tokenizers written out here, whose tokens can be told by hand.
struct TokenizerTests {
  /// A tokenizer.json with these members; the vocabulary has the letters of "lower est" and some of their merges.
  private func tokenizer(
    _ members: [String: String] = [:], vocabulary: [String] = Self.letters,
    merges: String = #"["l o", "lo w", "e s", "es t"]"#,
    model: String = ""
  ) throws -> Tokenizer {
    let words = vocabulary.enumerated().map { "\(String(reflecting: $1)): \($0)" }.joined(separator: ", ")
    var members = members
    members["model"] = members["model"] ?? #"{"type": "BPE", "vocab": {\#(words)}, "merges": \#(merges)\#(model)}"#
    let text =
      "{" + members.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
    return try Self.read(text)
  }

  private static let letters = ["l", "o", "w", "e", "r", "s", "t", "lo", "low", "es", "est", "Ġ"]

  private static func read(_ text: String) throws -> Tokenizer {
    let file = FileManager.default.temporaryDirectory.appending(path: "tokenizer-\(UUID()).json")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try Tokenizer(contentsOf: file.path)
  }

  private static let byteLevel = [
    "pre_tokenizer": #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}"#
  ]

  @Test("The lowest rank is merged first, and the leftmost of several")
  func merges() throws {
    let tokenizer = try tokenizer(Self.byteLevel)
    #expect(try tokenizer.encode("lowest").tokens == [8, 10])
    #expect(try tokenizer.encode("lower lower").tokens == [8, 3, 4, 11, 8, 3, 4])
    #expect(try tokenizer.encode("").tokens == [])
    #expect(try tokenizer.decode([8, 10, 11, 8]) == "lowest low")
    #expect(tokenizer.vocabularySize == 12)
  }

  @Test("A long piece has the tokens of a short one, as often")
  func longPieces() throws {
    let tokenizer = try tokenizer(Self.byteLevel)
    #expect(
      try tokenizer.encode(String(repeating: "lowest", count: 500)).tokens
        == Array(repeating: [8, 10], count: 500).flatMap { $0 })
  }

  @Test("Bytes without a token are dropped and counted")
  func dropped() throws {
    let encoding = try tokenizer(Self.byteLevel).encode("low é")
    #expect(encoding == Tokenizer.Encoding(tokens: [8, 11], droppedBytes: 2))
  }

  @Test("Added tokens: the longest, whole words, with the space beside them")
  func addedTokens() throws {
    let added = #"""
      [{"id": 20, "content": "<a>", "special": true}, {"id": 21, "content": "<a>>", "special": true},
       {"id": 22, "content": "low", "single_word": true}, {"id": 23, "content": "<r>", "rstrip": true, "lstrip": true}]
      """#
    let tokenizer = try tokenizer(Self.byteLevel.merging(["added_tokens": added]) { $1 })
    #expect(try tokenizer.encode("l<a>>o<a>").tokens == [0, 21, 1, 20])
    #expect(try tokenizer.encode("low lower").tokens == [22, 11, 8, 3, 4])
    #expect(try tokenizer.encode("l <r> \t o").tokens == [0, 23, 1])
    #expect(try tokenizer.decode([20, 8, 21], skippingSpecialTokens: true) == "low")
    #expect(
      tokenizer.isSpecial(20) && !tokenizer.isSpecial(22) && tokenizer.token("<a>") == 20 && tokenizer.token("x") == nil
    )
  }

  @Test("Characters without a token become bytes, one unknown token, or nothing")
  func characters() throws {
    let bytes = (0..<256).map { "<0x" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) + ">" }
    let fallback = try tokenizer(
      ["decoder": #"{"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}"#],
      vocabulary: Self.letters + bytes, model: #", "byte_fallback": true"#)
    #expect(try fallback.encode("lé").tokens == [0, 12 + 0xC3, 12 + 0xA9])
    #expect(try fallback.decode([0, 12 + 0xC3, 12 + 0xA9]) == "lé" && fallback.decode([12 + 0xC3, 0]) == "\u{FFFD}l")
    let unknown = try tokenizer(vocabulary: Self.letters + ["?"], model: #", "unk_token": "?", "fuse_unk": true"#)
    #expect(try unknown.encode("éél").tokens == [12, 0])
    #expect(try tokenizer().encode("él") == Tokenizer.Encoding(tokens: [0], droppedBytes: 2))
  }

  @Test("A template adds tokens to a plain text")
  func template() throws {
    let tokenizer = try tokenizer(
      [
        "post_processor": #"""
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "B"}}, {"Sequence": {"id": "A"}},
         {"SpecialToken": {"id": "E"}}], "special_tokens": {"B": {"ids": [3, 4]}, "E": {"ids": [5]}}}
        """#
      ])
    #expect(try tokenizer.encode("low", addingSpecialTokens: true).tokens == [3, 4, 8, 5])
    #expect(try tokenizer.encode("low").tokens == [8])
  }

  @Test(
    "What is not supported is named, with its place",
    arguments: [
      (["model": #"{"type": "Unigram"}"#], "model: Unigram is not supported; supported are BPE"),
      (["normalizer": #"{"type": "BertNormalizer"}"#], "normalizer: BertNormalizer is not supported"),
      (
        ["normalizer": #"{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Precompiled"}]}"#],
        "normalizer: normalizers[1]: Precompiled is not supported"
      ),
      (["pre_tokenizer": #"{"type": "Whitespace"}"#], "pre_tokenizer: Whitespace is not supported"),
      (
        ["pre_tokenizer": #"{"type": "ByteLevel", "add_prefix_space": true}"#],
        "ByteLevel with add_prefix_space is not supported"
      ),
      (
        ["pre_tokenizer": #"{"type": "Split", "behavior": "Isolated", "pattern": {"Regex": "("}}"#],
        "the pattern '(' is no regular expression"
      ),
      (["decoder": #"{"type": "WordPiece"}"#], "decoder: WordPiece is not supported"),
      (["post_processor": #"{"type": "BertProcessing"}"#], "post_processor: BertProcessing is not supported"),
      (["model": "3"], "model is a number instead of an object"),
      (["model": #"{"vocab": {"a": -1}, "merges": []}"#], "vocab, line 1: 'a' is no number of a token"),
      (["model": #"{"vocab": {"a": 0}, "merges": ["a b"]}"#], "merges[0]: 'a', 'b' or both together are no tokens"),
      (["model": #"{"vocab": {"a": 0}, "merges": [3]}"#], "merges[0] is no pair of tokens"),
      (["model": #"{"vocab": {}, "dropout": 0.1}"#], "model: 'dropout' is not supported"),
    ])
  func unsupported(members: [String: String], message: String) {
    #expect { try tokenizer(members) } throws: { error in
      "\(error)".contains(message)
        ? true
        : {
          Issue.record("\(error)"); return false
        }()
    }
  }

  @Test("A file that is damaged, deep or of another kind is an error")
  func damaged() {
    for text in ["", "{", "[]", "{}", String(repeating: "[", count: 100_000), #"{"model": {"vocab": {"a": 1e99}}}"#] {
      #expect(throws: Failure.self) { try Self.read(text) }
    }
  }

  @Test("A number that is no token's is an error")
  func unknownToken() throws {
    #expect(throws: Failure("99 is no token of this tokenizer, which has 12")) { try tokenizer().decode([99]) }
  }
}
