import LossKit
import LossKitTraining
import Testing

@Suite("Preference data: errors")
struct PreferenceErrorsTests {
  static let good = #"{"prompt": "p", "chosen": "a", "rejected": "b"}"#

  @Test("Data that is not JSON")
  func notJSON() {
    let message = Rows.complaint(about: Self.good, "prompt,chosen,rejected")
    #expect(
      message == "rows.jsonl, line 2: not JSON: expected a value, found 'prompt' (column 1); "
        + "write one JSON object on each line")
  }

  @Test("Data that is not UTF-8")
  func notUTF8() {
    let content = Array(#"{"prompt": "caf"#.utf8) + [0xE9] + Array(#"", "chosen": "a", "rejected": "b"}"#.utf8)
    #expect(throws: Failure("x, line 1: not UTF-8 (column 16); convert the file to UTF-8")) {
      try PreferenceDataset.read(content, name: "x")
    }
  }

  @Test("A JSON value that is not an object", arguments: [("[1]", "a number"), ("3", "a number"), ("null", "null")])
  func noObject(line: String, kind: String) {
    let message = Rows.complaint(about: line)
    #expect(message == "rows.jsonl, line 1: this is \(kind); write one JSON object on each line")
  }

  @Test(
    "An object without the needed keys",
    arguments: [
      (
        #"{"question": "p", "answer": "a"}"#,
        "has the keys answer, question, neither chosen and rejected, nor responses"
      ),
      (#"{}"#, "has no keys, neither"),
      (#"{"prompt": "p", "chosen": "a"}"#, "the keys chosen, prompt, but not rejected;"),
      (#"{"rejected": "a"}"#, "but not chosen;"), (#"{"responses": ["a", "b"]}"#, "but not prompt;"),
      (#"{"prompt": "p", "completion": "a"}"#, "but not label;"),
      (#"{"prompt": "p", "label": true}"#, "but not completion;"),
      (#"{"prompt": "p", "chosen": "a", "rejected": null}"#, "but not rejected;"),
    ])
  func missingKeys(line: String, expected: String) {
    let message = Rows.complaint(about: line)
    #expect(message.hasPrefix("rows.jsonl, line 1: has "))
    #expect(message.contains(expected))
    #expect(message.contains("a row needs prompt, chosen and rejected; or "))
  }

  @Test(
    "An empty prompt",
    arguments: [
      #"{"prompt": "", "chosen": "a", "rejected": "b"}"#, #"{"prompt": " \n", "chosen": "a", "rejected": "b"}"#,
      #"{"chosen": "\n\nAssistant: a", "rejected": "\n\nAssistant: b"}"#,
      #"{"chosen": "\n\nHuman: \n\nAssistant: a", "rejected": "\n\nHuman: \n\nAssistant: b"}"#,
      #"{"prompt": [], "chosen": [{"role": "assistant", "content": "a"}], "#
        + #""rejected": [{"role": "assistant", "content": "b"}]}"#,
      #"{"prompt": "", "responses": ["a", "b"]}"#, #"{"prompt": "", "completion": "a", "label": true}"#,
    ])
  func emptyPrompt(line: String) {
    let message = Rows.complaint(about: line)
    #expect(message == "rows.jsonl, line 1: the prompt is empty; write it, or remove the row")
  }

  @Test(
    "An empty response",
    arguments: [
      (#"{"prompt": "p", "chosen": "", "rejected": "b"}"#, "chosen"),
      (#"{"prompt": "p", "chosen": "a", "rejected": " "}"#, "rejected"),
      (#"{"chosen": "\n\nHuman: p\n\nAssistant: ", "rejected": "\n\nHuman: p\n\nAssistant: b"}"#, "chosen"),
      (
        #"{"prompt": [{"role": "user", "content": "p"}], "chosen": [{"role": "assistant", "content": "a"}], "#
          + #""rejected": [{"role": "assistant", "content": ""}]}"#, "rejected"
      ),
      (#"{"prompt": "p", "completion": "\t", "label": true}"#, "completion"),
    ])
  func emptyResponse(line: String, key: String) {
    let message = Rows.complaint(about: line)
    #expect(message == "rows.jsonl, line 1: \(key) is empty; write the response, or remove the row")
  }

  @Test(
    "Prompts that differ between chosen and rejected",
    arguments: [
      #"{"chosen": "\n\nHuman: p\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"}"#,
      #"{"chosen": "\n\nHuman: p\n\nAssistant: x\n\nHuman: y\n\nAssistant: a", "#
        + #""rejected": "\n\nHuman: p\n\nAssistant: x\n\nHuman: z\n\nAssistant: b"}"#,
      #"{"chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "a"}], "#
        + #""rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}"#,
    ])
  func differentPrompts(line: String) {
    let message = Rows.complaint(about: line)
    #expect(message.hasPrefix("rows.jsonl, line 1: the prompts of chosen and rejected differ: "))
  }

  @Test("Text without a prompt and without an assistant's turn")
  func noMarker() {
    let message = Rows.complaint(about: #"{"chosen": "a", "rejected": "b"}"#)
    #expect(message.hasPrefix(#"rows.jsonl, line 1: chosen has no "\n\nAssistant:", and there is no prompt; "#))
  }

  @Test(
    "Values of another type",
    arguments: [
      (#"{"prompt": "p", "chosen": 1, "rejected": "b"}"#, "chosen is a number; write a string or a list of messages"),
      (#"{"prompt": {}, "chosen": "a", "rejected": "b"}"#, "prompt is an object; write"),
      (#"{"prompt": "p", "chosen": "a", "rejected": [{"role": "assistant", "content": "b"}]}"#, "are not all text"),
      (#"{"prompt": [{"role": "user", "content": "p"}], "chosen": "a", "rejected": "b"}"#, "are not all text"),
      (#"{"prompt": "p", "responses": "a"}"#, "responses is a string; write a list of responses"),
      (#"{"prompt": "p", "responses": ["a", 2]}"#, "response 2 is a number; write a string or a list of messages"),
      (#"{"prompt": "p", "responses": ["a", "b"], "scores": 3}"#, "scores is a number; write a list of numbers"),
      (#"{"prompt": "p", "responses": ["a", "b"], "scores": [1, "2"]}"#, "score 2 is a string; write a number"),
      (
        #"{"prompt": "p", "responses": ["a", [{"role": "assistant", "content": "b"}]]}"#,
        "prompt is text and response 2 a list"
      ),
      (#"{"prompt": "p", "completion": "a", "label": "yes"}"#, "label is a string; write true or false"),
      (#"{"prompt": "p", "completion": "a", "label": 2}"#, "label is 2.0; write true or false"),
    ])
  func wrongTypes(line: String, expected: String) {
    let message = Rows.complaint(about: line)
    #expect(message.hasPrefix("rows.jsonl, line 1: "))
    #expect(message.contains(expected))
  }

  @Test(
    "Messages that are none",
    arguments: [
      (#"["hello"]"#, "message 1 of chosen is not an object with the keys role and content"),
      (#"[{"role": "assistant"}]"#, "message 1 of chosen is not an object with the keys role and content"),
      (#"[{"role": "tool", "content": "a"}]"#, "chosen does not begin with a message of the assistant"),
      (#"[{"role": "assistant", "content": null}]"#, "message 1 of chosen is"),
      (#"[{"from": "function_call", "value": "a"}]"#, "message 1 of chosen is a function call of an old form"),
      (
        #"[{"role": "assistant", "content": [{"type": "image"}]}]"#,
        "part 1 of the content of message 1 of chosen is not {\"type\": \"text\""
      ),
      (#"[{"role": "assistant", "content": ["a"]}]"#, "part 1 of the content of message 1 of chosen is not"),
      (#"[{"role": "assistant", "content": 7}]"#, "the content of message 1 of chosen is a number; write a string"),
      (#"[{"role": "bot", "content": "a"}]"#, "the role of message 1 of chosen is not one of system, user, assistant"),
      (#"[{"role": "user", "content": "a"}]"#, "chosen does not begin with a message of the assistant"),
      (#"[]"#, "chosen does not begin with a message of the assistant"),
    ])
  func badMessages(chosen: String, expected: String) {
    let message = Rows.complaint(
      about: #"{"prompt": [{"role": "user", "content": "p"}], "chosen": \#(chosen), "#
        + #""rejected": [{"role": "assistant", "content": "b"}]}"#)
    #expect(message.contains(expected))
  }

  @Test(
    "Whole message lists that are empty or end with the user",
    arguments: ["[]", #"[{"role": "user", "content": "p"}]"#])
  func openTranscripts(chosen: String) {
    let message = Rows.complaint(about: #"{"chosen": \#(chosen), "rejected": \#(chosen)}"#)
    #expect(
      message == "rows.jsonl, line 1: chosen does not end with a message of the assistant; end it with the response")
  }

  @Test(
    "Rankings that are none",
    arguments: [
      (#"{"prompt": "p", "responses": []}"#, "responses has 0 elements; a ranking needs two or more"),
      (#"{"prompt": "p", "responses": ["a"]}"#, "responses has 1 element; a ranking needs two or more"),
      (#"{"prompt": "p", "responses": ["a", "b", " "]}"#, "response 3 is empty; remove it and its score"),
      (#"{"prompt": "p", "responses": ["a", "b"], "scores": [1]}"#, "there are 2 responses but 1 score; give each"),
    ])
  func badRankings(line: String, expected: String) {
    #expect(Rows.complaint(about: line).contains(expected))
  }

  @Test("A file without rows", arguments: ["", "\n \n"])
  func noRows(content: String) {
    let message = Rows.complaint(about: content)
    #expect(message == "rows.jsonl: has no rows; give a file with one JSON object on each line")
  }

  @Test("A file without usable rows")
  func nothingLeft() {
    let message = Rows.complaint(about: #"{"prompt": "p", "chosen": "a", "rejected": "a"}"#)
    #expect(
      message == "rows.jsonl: no row is left to train on: 0 pairs; 1 left out: chosen equal to rejected (line 1); "
        + "give rows whose responses differ")
  }

  @Test("A missing file")
  func noFile() {
    #expect(
      throws: Failure("/nowhere/x: cannot be read: No such file or directory; check the path and its permissions")
    ) {
      try PreferenceDataset.read(path: "/nowhere/x")
    }
  }

  @Test("Two forms in one file")
  func mixedForms() {
    let message = Rows.complaint(about: "", Self.good, #"{"prompt": "p", "responses": ["a", "b"]}"#)
    #expect(
      message == "rows.jsonl, line 3: the row is in the form prompt, responses as text, but line 2 is in the form "
        + "prompt, chosen, rejected as text; put each form into a separate file")
  }

  @Test("All invalid rows are reported at once, in the order of the file")
  func manyProblems() {
    let message = Rows.complaint(about: #"{"prompt": "", "chosen": "a", "rejected": "b"}"#, "nope", Self.good, "{}")
    let lines = message.split(separator: "\n").map { $0.prefix(9) }
    #expect(lines == ["rows.json", "  line 1:", "  line 2:", "  line 4:"])
  }
}
