import LossKitTraining
import Testing

@Suite("Preference data: further forms")
struct PreferenceFormsTests {
  static let prompt = "\n\nHuman: Q\n\nAssistant:"

  @Test(
    "Messages of ShareGPT, single messages and text parts give the pair that plain messages give",
    arguments: [
      #"{"conversations": [{"from": "human", "value": "Q"}], "chosen": {"from": "gpt", "value": "yes"}, "#
        + #""rejected": {"from": "gpt", "value": "no"}}"#,
      #"{"conversations": [{"from": "human", "value": "Q"}], "chosen": [{"from": "gpt", "value": "yes"}], "#
        + #""rejected": [{"from": "gpt", "value": "no"}]}"#,
      #"{"prompt": [{"role": "user", "content": [{"type": "text", "text": "Q"}]}], "#
        + #""chosen": [{"role": "assistant", "content": [{"type": "text", "text": "y"}, {"type": "text", "text": "es"}]}], "#
        + #""rejected": {"role": "assistant", "content": "no"}}"#,
      #"{"prompt": "Q", "chosen": {"role": "assistant", "content": "yes"}, "rejected": {"role": "assistant", "content": "no"}}"#,
    ])
  func messages(line: String) throws {
    #expect(
      try Rows.dataset(line).transcripts
        == [PreferenceExample(prompt: Self.prompt, responses: [" yes", " no"], line: 1)])
  }

  @Test("A text prompt before responses of several messages is the user's message")
  func promptBeforeSeveralMessages() throws {
    let rest = #"{"role": "user", "content": "more"}"#
    let dataset = try Rows.dataset(
      #"{"prompt": "Q", "chosen": [{"role": "assistant", "content": "hi"}, \#(rest), {"role": "assistant", "content": "yes"}], "#
        + #""rejected": [{"role": "assistant", "content": "hi"}, \#(rest), {"role": "assistant", "content": "no"}]}"#)
    #expect(dataset.examples[0].prompt == "\n\nHuman: Q\n\nAssistant: hi\n\nHuman: more\n\nAssistant:")
    #expect(dataset.examples[0].responses == [" yes", " no"])
  }

  @Test(
    "Rankings of messages are those of texts",
    arguments: [
      #"["a", "b"]"#, #"[[{"role": "assistant", "content": "a"}], [{"role": "assistant", "content": "b"}]]"#,
      #"[{"from": "gpt", "value": "a"}, {"from": "gpt", "value": "b"}]"#,
    ])
  func rankings(responses: String) throws {
    let dataset = try Rows.dataset(
      #"{"prompt": [{"role": "user", "content": "Q"}], "responses": \#(responses), "scores": [1, 2]}"#)
    #expect(dataset.examples[0].prompt == Self.prompt)
    #expect(dataset.examples[0].responses == [" b", " a"])
    #expect(dataset.examples[0].places == [1, 0])
  }

  @Test("Rows of a JSON array have the numbers of the lines on which they begin")
  func array() throws {
    let dataset = try Rows.dataset(
      "[", #" {"prompt": "p", "chosen": "a", "rejected": "b"},"#, "",
      #" {"prompt": "q", "chosen": "a", "rejected": "b"}"#, "]")
    #expect(dataset.examples.map(\.line) == [2, 4])
    let message = Rows.complaint(
      about: "[", #" {"prompt": "p", "chosen": "a", "rejected": "b"},"#, #" {"prompt": "q", "chosen": "a"}"#, "]")
    #expect(message.hasPrefix("rows.jsonl, line 3: has the keys chosen, prompt, but not rejected"))
  }

  @Test("Texts are compared by bytes, not by Unicode equivalence")
  func bytes() throws {
    let dataset = try Rows.dataset(
      "{\"prompt\": \"p\", \"chosen\": \"caf\u{E9}\", \"rejected\": \"cafe\u{301}\"}",
      "{\"prompt\": \"p\", \"chosen\": \"cafe\u{301}\", \"rejected\": \"caf\u{E9}\"}")
    #expect(dataset.examples.count == 2)
    #expect(dataset.report.repeated.isEmpty)
    #expect(dataset.examples[0].responses.map { Array($0.utf8).count } == [5, 6])
    let ranking = try Rows.dataset("{\"prompt\": \"p\", \"responses\": [\"\u{E9}\", \"e\u{301}\", \"\u{E9}\"]}")
    #expect(ranking.examples[0].responses.count == 2)
    // Messages that differ in their bytes do not belong to the prompt that both transcripts share.
    let transcripts = ["\u{E9}", "e\u{301}"].map {
      "[{\"role\": \"user\", \"content\": \"\($0)\"}, {\"role\": \"assistant\", \"content\": \"a\"}]"
    }
    let message = Rows.complaint(about: "{\"chosen\": \(transcripts[0]), \"rejected\": \(transcripts[1])}")
    #expect(message.contains("the prompts of chosen and rejected differ: they part in message 1"))
  }

  @Test("A duplicate key is rejected, also in messages")
  func twice() {
    #expect(
      Rows.complaint(about: #"{"prompt": "p", "chosen": "a", "chosen": "b", "rejected": "c"}"#).hasPrefix(
        "rows.jsonl, line 1: the key 'chosen' appears twice (column 32); remove one of them"))
    #expect(
      Rows.complaint(
        about: #"{"prompt": [{"role": "user", "content": "p", "content": "q"}], "chosen": "a", "rejected": "c"}"#
      ).contains("the key 'content' appears twice"))
  }

  @Test("Keys of two forms in one row, and scores that some rows lack, are rejected")
  func twoForms() {
    #expect(
      Rows.complaint(about: #"{"prompt": "p", "chosen": "a", "rejected": "b", "responses": ["c", "d"]}"#)
        == "rows.jsonl, line 1: has the keys of two forms, chosen, rejected, responses; keep those of one")
    #expect(
      Rows.complaint(
        about: #"{"prompt": "p", "responses": ["c", "d"], "scores": [1, 2]}"#,
        #"{"prompt": "q", "responses": ["c", "d"]}"#
      ).hasPrefix(
        "rows.jsonl, line 2: the row is in the form prompt, responses as text, but line 1 is in the form prompt, "))
    #expect(
      Rows.complaint(about: #"{"prompt": "p", "conversations": [], "chosen": "a", "rejected": "b"}"#).contains(
        "prompt and conversations name the same text"))
  }

  @Test("Responses that repeat the prompt, and very unbalanced classes, give warnings")
  func warnings() throws {
    let repeated = try Rows.dataset(#"{"prompt": "Q:", "chosen": "Q: yes", "rejected": "Q: no"}"#)
    #expect(repeated.report.repeatedPrompts == [1])
    #expect(repeated.warnings.first?.contains("repeat the prompt") == true)
    #expect(try Rows.dataset(#"{"prompt": "Q:", "chosen": "Q: yes", "rejected": "no"}"#).warnings.isEmpty)
    func feedback(_ desirable: Int, _ undesirable: Int) throws -> [String] {
      let labels = (0..<desirable).map { _ in true } + (0..<undesirable).map { _ in false }
      let rows = labels.enumerated().map { #"{"prompt": "p", "completion": "\#($0)", "label": \#($1)}"# }
      return try Rows.dataset(rows.joined(separator: "\n")).warnings
    }
    #expect(try feedback(4, 1).isEmpty)
    #expect(try feedback(1, 20)[0].contains("set desirable_weight to about 20"))
    #expect(try feedback(21, 1)[0].contains("set undesirable_weight to about 21"))
    #expect(try feedback(3, 0)[0].hasPrefix("all responses are desirable; add undesirable ones"))
    #expect(try feedback(0, 3)[0].hasPrefix("all responses are undesirable; add desirable ones"))
  }

  @Test("Pairs become unpaired feedback, two rows each")
  func unpaired() throws {
    let pairs = try Rows.dataset(
      #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#, #"{"prompt": "q", "chosen": "c", "rejected": "d"}"#)
    let unpaired = pairs.unpaired
    #expect(unpaired.kind == .unpaired)
    #expect(unpaired.examples.map(\.prompt) == ["p", "p", "q", "q"])
    #expect(unpaired.examples.map(\.responses) == [["a"], ["b"], ["c"], ["d"]])
    #expect(unpaired.examples.map(\.label) == [true, false, true, false])
    #expect(unpaired.report.description == "4 responses")
  }
}
