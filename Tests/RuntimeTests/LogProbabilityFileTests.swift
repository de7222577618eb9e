import LossKit
import LossKitRuntime
import Testing

/// The built policy log-probability-file.
@Suite struct LogProbabilityFileTests {
  let workshop: PluginWorkshop
  let type: LoadedPolicyType

  init() throws {
    workshop = try PluginWorkshop()
    type = try BuiltPlugins.registry().policyType(named: "log-probability-file")
  }

  private static let good = """
    {"prompt": "one", "responses": ["a", "bé\\n"], "logps": [-3, -0.5], "token_counts": [2, 1], "token_logps": [[-1, -2], [-0.5]]}
    {"prompt": "two", "responses": ["a"], "logps": [-7.25], "token_counts": [3], "comment": [1]}\r

    {"token_counts": [4.0], "responses": ["b"], "logps": [0], "prompt": "two"}
    """

  private func load(_ text: String) throws -> PolicyInstance { try load(Array(text.utf8)) }

  private func load(_ bytes: [UInt8]) throws -> PolicyInstance {
    try type.load(path: workshop.write(bytes, as: "reference.jsonl"))
  }

  private var path: String { workshop.path("reference.jsonl") }

  /// The message about a file, without the policy and the file name.
  private func complaint(_ text: String) -> String { complaint(Array(text.utf8)) }

  private func complaint(_ bytes: [UInt8]) -> String {
    let text = message { try load(bytes) }, start = "policy log-probability-file: \(path)"
    return text.hasPrefix(start) ? String(text.dropFirst(start.count)) : text
  }

  @Test func whatIsDeclaredIsRead() {
    #expect(!type.isTrainable && !type.canCreate && type.parameters.isEmpty)
    #expect(type.columns == [Column("policy_logp"), Column("policy_token_logp", per: .token)])
  }

  @Test func valuesAndTokenCountsAreThoseOfTheFile() throws {
    let policy = try load(Self.good)
    let texts = try Texts(prompts: ["two", "one"], responses: [["b", "a"], ["bé\n", "a"]])
    #expect(try policy.measure(texts).tokenCounts == [4, 1, 3, 2])
    #expect(try policy.measure(texts).truncated == [0, 0, 0, 0])
    #expect(try policy.forward(texts, columns: ["policy_logp"]) == ["policy_logp": [0, -0.5, -7.25, -3]])
  }

  @Test func responsesOfDifferentNumberAndNoPrompt() throws {
    let policy = try load(Self.good)
    let texts = try Texts(prompts: ["two", "one"], responses: [["a"], ["a", "bé\n"]])
    #expect(try policy.measure(texts).tokenCounts == [3, 2, 0, 1])
    #expect(try policy.forward(texts, columns: ["policy_logp"]) == ["policy_logp": [-7.25, -3, 0, -0.5]])
    let none = try Texts(prompts: [String](), responses: [[String]]())
    #expect(try policy.forward(none, columns: ["policy_logp"]) == ["policy_logp": []])
  }

  @Test func valuesOfTokensAreThoseOfTheFile() throws {
    let policy = try load(Self.good)
    let texts = try Texts(prompts: ["one", "one"], responses: [["a", "bé\n"], ["bé\n"]])
    let columns = try policy.forward(
      texts, tokenOffsets: [0, 2, 3, 4, 4], columns: ["policy_token_logp", "policy_logp"])
    #expect(columns == ["policy_token_logp": [-1, -2, -0.5, -0.5], "policy_logp": [-3, -0.5, -0.5, 0]])
  }

  @Test func tokensThatTheFileLacksAreAnErrorThatNamesTheLine() throws {
    let policy = try load(Self.good)
    func complaint(_ prompt: String, tokens: Int) throws -> String {
      let texts = try Texts(prompts: ["one", prompt], responses: [["a"], ["a"]])
      let offsets = [0, 2, 2 + tokens]
      let failure = #expect(throws: Failure.self) {
        try policy.forward(texts, tokenOffsets: offsets, columns: ["policy_token_logp"])
      }
      #expect(failure?.prompt == 1)
      return failure?.message ?? ""
    }
    #expect(
      try complaint("two", tokens: 3)
        == "policy log-probability-file: \(path), line 2: lacks token_logps, which this objective needs; add them")
    #expect(
      try complaint("one", tokens: 5)
        == "policy log-probability-file: \(path), line 1: 2 token_logps for a response of 5 tokens; "
        + "compute them with the tokenizer of the trained policy")
  }

  @Test func aTextThatTheFileLacksIsNamed() throws {
    let policy = try load(Self.good)
    let long = String(repeating: "é", count: 61)
    func complaint(_ prompt: String, _ response: String) throws -> String {
      let texts = try Texts(prompts: ["one", prompt], responses: [["a"], [response]])
      let failure = #expect(throws: Failure.self) { try policy.measure(texts) }
      #expect(failure?.prompt == 1)
      #expect(message { try policy.forward(texts, columns: ["policy_logp"]) } == failure?.message)
      return failure?.message ?? ""
    }
    let start = "policy log-probability-file: \(path): lacks the"
    let end = "; add its log-probabilities, with the same texts byte for byte"
    #expect(try complaint("three", "a") == "\(start) prompt \"three\"\(end)")
    #expect(try complaint("one", "c\n") == "\(start) response \"c\\n\" to the prompt \"one\"\(end)")
    #expect(try complaint("two", long) == "\(start) response \"\(long.dropLast())…\" to the prompt \"two\"\(end)")
    // The same letter to Unicode, but not to a tokenizer.
    #expect(try complaint("one", "be\u{301}\n").hasPrefix("\(start) response"))
  }

  @Test func itCannotBeCreatedTrainedOrSaved() throws {
    #expect(
      message { try type.create(seed: 1) }
        == "policy log-probability-file: it cannot be created; name a file or directory to load")
    let policy = try load(Self.good)
    #expect(
      message { try policy.step(PolicyUpdate(learningRate: 1)) } == "policy log-probability-file: it cannot be trained")
    let texts = try Texts(prompts: ["one"], responses: [["a"]])
    #expect(
      message { try policy.backward(texts, gradients: ["policy_logp": [1]]) }
        == "policy log-probability-file: it cannot be trained")
    let directory = try workshop.makeDirectory("checkpoint")
    #expect(
      message { try policy.save(to: directory, withOptimizer: false) }
        == "policy log-probability-file: it cannot be saved")
    #expect(message { try policy.copy() } == "policy log-probability-file: it cannot be copied")
  }

  @Test func aFileThatCannotBeReadIsNamed() throws {
    let start = "policy log-probability-file: ", end = "; name a file of log-probabilities"
    #expect(
      message { try type.load(path: "/none/x") } == "\(start)/none/x: cannot be read: No such file or directory\(end)")
    let directory = try workshop.makeDirectory("folder")
    #expect(message { try type.load(path: directory) } == "\(start)\(directory): cannot be read: Is a directory\(end)")
  }

  private static let example =
    #"; a line is {"prompt": "…", "responses": ["…"], "logps": [-12.5], "token_counts": [9]}"#

  @Test(arguments: ["", "\n \n\t\r\n"])
  func aFileWithoutLinesIsAnError(text: String) {
    #expect(complaint(text) == ": holds no log-probability" + Self.example)
  }

  @Test(arguments: [
    ("hello", "not JSON: expected a value, found 'hello' (column 1)"),
    (
      #"{"prompt": "p", "responses": ["a"], "logps": [-Infinity], "token_counts": [1]}"#,
      "not JSON: expected a value, found '-Infinity'"
    ),
    (#"{"prompt": "p", "prompt": "q", "responses": ["a"]}"#, "the key 'prompt' appears twice"),
    (#"{"prompt": "p", "responses": ["a"], "logps": [-1e999], "token_counts": [1]}"#, "-1e999 is beyond the range"),
    (#"{"prompt": "p", "responses": ["a"], "logps": [-1], "token_counts": [1]"#, "not JSON"),
    ("[1]", "the line is not an object"),
    (#"{"responses": ["a"], "logps": [-1], "token_counts": [1]}"#, "prompt is missing"),
    (#"{"prompt": "p", "responses": ["a"], "token_counts": [1]}"#, "logps is missing"),
    (#"{"prompt": "p", "responses": ["a"], "logps": [-1]}"#, "token_counts is missing"),
    (#"{"prompt": 7, "responses": ["a"], "logps": [-1], "token_counts": [1]}"#, "prompt is not a text"),
    (#"{"prompt": null, "responses": ["a"], "logps": [-1], "token_counts": [1]}"#, "prompt is null"),
    (#"{"prompt": "p", "responses": "a", "logps": [-1], "token_counts": [1]}"#, "responses is not a list"),
    (#"{"prompt": "p", "responses": ["a"], "logps": ["-1"], "token_counts": [1]}"#, "logps[0] is not a number"),
    (
      #"{"prompt": "p", "responses": ["a"], "logps": [-1], "token_counts": [1], "token_logps": [[null]]}"#,
      "token_logps[0][0] is null"
    ),
    (#"{"prompt": "p", "responses": [], "logps": [], "token_counts": []}"#, "responses is empty"),
  ])
  func aLineOfAnotherFormIsAnErrorWithItsNumberAndAnExample(line: String, problem: String) {
    let text = complaint(Self.good + "\n\n" + line + "\n")
    #expect(text.hasPrefix(", line 6: \(problem)"), "\(text)")
    #expect(text.hasSuffix(Self.example), "\(text)")
  }

  @Test(arguments: [
    (#""responses": ["a", ""], "logps": [-1, -1], "token_counts": [1, 1]"#, "responses[1] is empty; remove it"),
    (#""responses": ["a"], "logps": [-1, -2], "token_counts": [1]"#, "logps has length 2, responses has length 1"),
    (#""responses": ["a"], "logps": [-1], "token_counts": []"#, "token_counts has length 0, responses has length 1"),
    (
      #""responses": ["a"], "logps": [-1], "token_counts": [1], "token_logps": []"#,
      "token_logps has length 0, responses has length 1"
    ),
    (#""responses": ["a"], "logps": [0.5], "token_counts": [1]"#, "logps[0] is 0.5; a log-probability is 0 or less"),
    (#""responses": ["a"], "logps": [-1], "token_counts": [0]"#, "token_counts[0] is 0.0; a token count is a whole"),
    (#""responses": ["a"], "logps": [-1], "token_counts": [-1]"#, "token_counts[0] is -1.0"),
    (#""responses": ["a"], "logps": [-1], "token_counts": [1.5]"#, "token_counts[0] is 1.5"),
    (#""responses": ["a"], "logps": [-1], "token_counts": [1e99]"#, "token_counts[0] is 1e+99"),
    (
      #""responses": ["a"], "logps": [-1], "token_counts": [2], "token_logps": [[-1]]"#,
      "token_logps[0] has length 1, token_counts[0] is 2"
    ),
    (
      #""responses": ["a"], "logps": [-1], "token_counts": [2], "token_logps": [[-2, 1]]"#,
      "token_logps[0][1] is 1.0; a log-probability is 0 or less"
    ),
    (
      #""responses": ["a"], "logps": [-1], "token_counts": [2], "token_logps": [[-1, -0.25]]"#,
      "token_logps[0] adds up to -1.25, logps[0] is -1.0; both are of the same tokens"
    ),
  ])
  func aValueThatCannotBeIsAnErrorThatNamesIt(members: String, problem: String) {
    let text = complaint("\n{\"prompt\": \"p\", \(members)}")
    #expect(text.hasPrefix(", line 2: \(problem)"), "\(text)")
  }

  @Test func bytesThatAreNotUTF8AreAnErrorWithTheLine() {
    let bytes = Array(Self.good.utf8) + [0x0A] + Array(Self.good.utf8).map { $0 == UInt8(ascii: "p") ? 0xFF : $0 }
    #expect(complaint(bytes) == ", line 5: not UTF-8 (column 3)" + Self.example)
  }

  @Test func roundingOfTheSumIsNoContradiction() throws {
    let policy = try load(
      #"{"prompt": "p", "responses": ["a"], "logps": [-300.01], "token_counts": [2], "token_logps": [[-100, -200]]}"#)
    #expect(
      try policy.forward(Texts(prompts: ["p"], responses: [["a"]]), columns: ["policy_logp"])
        == ["policy_logp": [-300.01]])
  }

  @Test func aResponseMayStandTwiceIfNothingDiffers() throws {
    func line(_ logp: String, _ count: String, _ tokens: String) -> String {
      #"{"prompt": "p", "responses": ["x", "a"], "logps": [-1, \#(logp)], "token_counts": [1, \#(count)]\#(tokens)}"#
        + "\n"
    }
    let short = line("-3", "2", ""), long = line("-3", "2", #", "token_logps": [[-1], [-1, -2]]"#)
    for text in [short + long, long + short, long + long] {
      let values = try load(text).forward(
        Texts(prompts: ["p"], responses: [["a"]]), tokenOffsets: [0, 2], columns: ["policy_token_logp"])
      #expect(values == ["policy_token_logp": [-1, -2]])
    }
    let message =
      ", line 2: responses[1] stands on line 1 with the same prompt and other values; remove the line that is wrong"
    #expect(complaint(short + line("-4", "2", "")) == message)
    #expect(complaint(short + line("-3", "3", "")) == message)
    #expect(complaint(long + line("-3", "2", #", "token_logps": [[-1], [-2, -1]]"#)) == message)
  }
}
