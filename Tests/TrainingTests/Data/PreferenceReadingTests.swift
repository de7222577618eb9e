import LossKitJSON
import LossKitTraining
import Testing

@Suite("Preference data: reading")
struct PreferenceReadingTests {
  static let prompt = "\n\nHuman: Hi\n\nAssistant:"

  @Test("Explicit, conversational and implicit prompts give the same pair")
  func threeForms() throws {
    let explicit = try Rows.dataset(
      #"{"prompt": "\n\nHuman: Hi\n\nAssistant:", "chosen": " Hello you.", "rejected": " Hello."}"#)
    let conversational = try Rows.dataset(
      #"{"prompt": [{"role": "user", "content": "Hi"}], "#
        + #""chosen": [{"role": "assistant", "content": "Hello you."}], "#
        + #""rejected": [{"role": "assistant", "content": "Hello."}]}"#)
    let implicit = try Rows.dataset(
      #"{"chosen": "\n\nHuman: Hi\n\nAssistant: Hello you.", "rejected": "\n\nHuman: Hi\n\nAssistant: Hello."}"#)
    let implicitConversational = try Rows.dataset(
      #"{"chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello you."}], "#
        + #""rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}"#)
    let expected = [PreferenceExample(prompt: Self.prompt, responses: [" Hello you.", " Hello."], line: 1)]
    for dataset in [explicit, conversational, implicit, implicitConversational] {
      #expect(dataset.transcripts == expected)
      #expect(dataset.kind == .pairs)
      #expect(dataset.digest == explicit.digest)
    }
  }

  @Test("A system message and several turns are rendered in order")
  func rendering() throws {
    let dataset = try Rows.dataset(
      #"{"prompt": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "A"}, "#
        + #"{"role": "assistant", "content": "B"}, {"role": "user", "content": "C"}], "#
        + #""chosen": [{"role": "assistant", "content": "D"}], "rejected": [{"role": "assistant", "content": "E"}]}"#)
    let expected = "\n\nSystem: Be kind.\n\nHuman: A\n\nAssistant: B\n\nHuman: C\n\nAssistant:"
    #expect(dataset.examples.first?.prompt == expected)
    #expect(dataset.examples.first?.responses == [" D", " E"])
  }

  @Test("A text prompt with message lists is their first user message")
  func promptBesideTranscripts() throws {
    let dataset = try Rows.dataset(
      #"{"prompt": "Hi", "chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}], "#
        + #""rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No"}]}"#)
    #expect(dataset.examples.first?.prompt == Self.prompt)
    let before = try Rows.dataset(
      #"{"prompt": "Hi", "chosen": [{"role": "assistant", "content": "Yes"}], "#
        + #""rejected": [{"role": "assistant", "content": "No"}]}"#)
    #expect(before.examples == dataset.examples)
    let other = Rows.complaint(
      about:
        #"{"prompt": "Ho", "chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}], "#
        + #""rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No"}]}"#)
    #expect(other.contains("line 1: prompt is not what chosen and rejected begin with"))
  }

  @Test("The prompt of transcripts ends at the marker, not where the words diverge, and not inside a character")
  func sharedWords() throws {
    let dataset = try Rows.dataset(
      #"{"chosen": "\n\nHuman: Hi\n\nAssistant: I am é", "rejected": "\n\nHuman: Hi\n\nAssistant: I am è"}"#)
    #expect(dataset.examples.first?.responses == [" I am é", " I am è"])
  }

  @Test("Transcripts that diverge before the last turn keep the further turns in the response, with a warning")
  func furtherTurns() throws {
    let text = try Rows.dataset(
      #"{"chosen": "\n\nHuman: Hi\n\nAssistant: A\n\nHuman: B\n\nAssistant: C", "#
        + #""rejected": "\n\nHuman: Hi\n\nAssistant: D"}"#)
    let messages = try Rows.dataset(
      #"{"chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "A"}, "#
        + #"{"role": "user", "content": "B"}, {"role": "assistant", "content": "C"}], "#
        + #""rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "D"}]}"#)
    #expect(text.examples == messages.transcripts)
    #expect(text.examples.first?.responses == [" A\n\nHuman: B\n\nAssistant: C", " D"])
    #expect(text.report.furtherTurns == [1])
    #expect(messages.report == text.report)
  }

  @Test("A transcript that continues where the other ends diverges from it in the last shared turn")
  func continuation() throws {
    let dataset = try Rows.dataset(
      #"{"chosen": "\n\nHuman: Hi\n\nAssistant: A", "rejected": "\n\nHuman: Hi\n\nAssistant: A\n\nHuman: B\n\nAssistant: C"}"#
    )
    #expect(dataset.examples.first?.responses == [" A", " A\n\nHuman: B\n\nAssistant: C"])
  }

  @Test("A ranking is sorted by score, best first, and equal scores keep their order")
  func rankingWithScores() throws {
    let dataset = try Rows.dataset(
      #"{"prompt": "p", "responses": ["a", "b", "c", "d"], "scores": [1, 3.5, 1, -2], "ids": [1, 2, 3, 4]}"#,
      #"{"prompt": "p", "responses": ["x", "y"], "scores": [0, 0]}"#)
    #expect(dataset.examples[0].responses == ["b", "a", "c", "d"])
    #expect(dataset.examples[0].scores == [3.5, 1, 1, -2])
    #expect(dataset.kind == .rankings)
    #expect(dataset.report.tied == [2])
    #expect(dataset.report.partlyTied == [1])
  }

  @Test("A ranking without scores is in order, best first")
  func rankingWithoutScores() throws {
    let dataset = try Rows.dataset(#"{"prompt": "p", "responses": ["a", "b", "c"]}"#)
    #expect(dataset.examples == [PreferenceExample(prompt: "p", responses: ["a", "b", "c"], line: 1)])
  }

  @Test("A ranking keeps the better of two equal texts")
  func duplicateResponses() throws {
    let dataset = try Rows.dataset(#"{"prompt": "p", "responses": ["a", "b", "a"], "scores": [1, 2, 3]}"#)
    #expect(dataset.examples.first?.responses == ["a", "b"])
    #expect(dataset.examples.first?.scores == [3, 2])
    #expect(dataset.report.duplicateResponses == [1])
  }

  @Test("Unpaired feedback has a Boolean, or 1 and 0, as its label")
  func unpaired() throws {
    let dataset = try Rows.dataset(
      #"{"prompt": "p", "completion": "a", "label": true}"#, #"{"prompt": "p", "completion": "b", "label": 0}"#)
    #expect(dataset.examples.map(\.label) == [true, false])
    #expect(dataset.examples.map(\.responses) == [["a"], ["b"]])
    #expect(dataset.kind == .unpaired)
    #expect(dataset.report.description == "2 responses")
  }

  @Test("Pairs with chosen equal to rejected are omitted, counted and reported")
  func identical() throws {
    let dataset = try Rows.dataset(
      #"{"prompt": "p", "chosen": "same", "rejected": "same"}"#, #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#,
      "", #"{"prompt": "p", "chosen": "b", "rejected": "b"}"#, #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#)
    #expect(dataset.examples.map(\.line) == [2, 5])
    #expect(dataset.report.identical == [1, 4])
    #expect(dataset.report.repeated == [5])
    #expect(
      dataset.report.description
        == "2 pairs; 2 left out: chosen equal to rejected (lines 1, 4); 1 the same as an earlier line, kept (line 5)")
  }

  @Test("Keys that no form needs are kept for columns, unless their value is null")
  func extraKeys() throws {
    let dataset = try Rows.dataset(
      #"{"prompt": "p", "chosen": "a", "rejected": "b", "votes": [5, 0, 0], "responses": null, "id": 7}"#)
    var example = PreferenceExample(prompt: "p", responses: ["a", "b"], line: 1)
    example.further = ["votes": .array([.number(5), .number(0), .number(0)]), "id": .number(7)]
    #expect(dataset.transcripts == [example])
  }

  @Test("Different data sets have different digests")
  func digest() throws {
    let digests = try [
      #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#, #"{"prompt": "p", "chosen": "b", "rejected": "a"}"#,
      #"{"prompt": "pa", "chosen": "b", "rejected": "a"}"#,
      #"{"prompt": "p", "responses": ["a", "b"], "scores": [2, 1]}"#,
      #"{"prompt": "p", "completion": "a", "label": true}"#, #"{"prompt": "p", "completion": "a", "label": false}"#,
      #"{"prompt": "p", "chosen": "a", "rejected": "b", "margin": 1}"#,
      #"{"prompt": "p", "chosen": "a", "rejected": "b", "margin": 2}"#,
      #"{"prompt": "p", "chosen": "a", "rejected": "b", "score": [2, 1]}"#,
      #"{"prompt": "p", "chosen": "a", "rejected": "b", "score": [1, 2]}"#,
    ].map { try Rows.dataset($0).digest }
    #expect(Set(digests).count == digests.count)
    #expect(digests.allSatisfy { $0.count == 64 })
  }

  @Test("Preferring the longer response is right for the share of pairs where the better one is longer")
  func longerResponse() throws {
    let pairs = try Rows.dataset(
      #"{"prompt": "p", "chosen": "long", "rejected": "x"}"#, #"{"prompt": "p", "chosen": "é", "rejected": "x"}"#,
      #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#, #"{"prompt": "p", "chosen": "c", "rejected": "dd"}"#)
    #expect(pairs.longerResponseAccuracy == 2.5 / 4)
    let ranking = try Rows.dataset(#"{"prompt": "p", "responses": ["aaa", "bb", "cc"], "scores": [2, 1, 1]}"#)
    #expect(ranking.longerResponseAccuracy == 1)
    #expect(try Rows.dataset(#"{"prompt": "p", "completion": "a", "label": 1}"#).longerResponseAccuracy == nil)
  }
}
