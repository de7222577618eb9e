import Foundation
import Testing

/// Errors of `train`: reported before anything is computed, with a status that tells usage errors from data errors.
@Suite struct TrainErrorsTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func complaint(
    _ arguments: [String], status: Int32, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let run = try Tool.run(arguments + ["--output", place.path("run")])
    #expect(run.status == status && run.output == "", "\(run.error)", sourceLocation: sourceLocation)
    let lines = run.error.split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(lines.firstIndex { $0.hasPrefix("losskit: error: ") }, sourceLocation: sourceLocation)
    #expect(!place.exists("run/run.json"), sourceLocation: sourceLocation)
    return lines[start...].joined(separator: "\n").replacing("losskit: error: ", with: "")
  }

  private func dataComplaint(
    _ content: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    try Data(content).write(to: URL(fileURLWithPath: place.path("data.jsonl")))
    let text = try complaint(
      ["train", "--loss", "dpo", "--data", place.path("data.jsonl")] + Tiny.policy, status: 65,
      sourceLocation: sourceLocation)
    return text.replacing(place.path("data.jsonl"), with: "DATA")
  }

  private func dataComplaint(_ row: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    try dataComplaint(
      Array((#"{"prompt": "p", "chosen": "a", "rejected": "b"}"# + "\n" + row + "\n").utf8),
      sourceLocation: sourceLocation)
  }

  @Test func dataOfOnePromptForALossThatComparesPrompts() throws {
    try place.write(
      #"""
      {"prompt": "a", "completion": "b", "label": true}
      {"prompt": "a", "completion": "c", "label": false}
      """#, as: "data.jsonl")
    let text = try complaint(
      ["train", "--loss", "kto", "--data", place.path("data.jsonl")] + Tiny.policy, status: 65)
    #expect(text.contains("the data have one prompt; add examples of other prompts"), "\(text)")
  }

  @Test func dataWithOtherResponsesThanTheLossTakes() throws {
    let text = try dataComplaint(Array(#"{"prompt": "a", "completion": "b", "label": true}"#.utf8))
    #expect(text.hasPrefix("DATA, line 1: 1 response, and dpo"), "\(text)")
  }

  @Test func dataOfOneReferenceForAnObjectiveOfTwo() throws {
    let row = #"{"prompt": "p", "chosen": "a", "rejected": "b", "ref_chosen_logps": -1, "ref_rejected_logps": -2}"#
    let file = try place.write(row, as: "data.jsonl")
    let text = try complaint(["train", "--loss", "mrpo", "--data", file] + Tiny.policy, status: 65)
    #expect(text.contains("ref_chosen_logps and ref_rejected_logps of 1 reference, and"), "\(text)")
    #expect(!place.exists("run"))
  }

  @Test func dataThatIsNotJSON() throws { #expect(try dataComplaint("prompt").hasPrefix("DATA, line 2: not JSON")) }

  @Test func dataThatIsNotUTF8() throws {
    #expect(try dataComplaint([0x7B, 0xFF, 0x7D]).hasPrefix("DATA, line 1: not UTF-8 (column 2)"))
  }

  @Test func anObjectWithoutTheNeededKeys() throws {
    #expect(try dataComplaint(#"{"prompt": "p", "chosen": "a"}"#).hasPrefix("DATA, line 2: "))
  }

  @Test func anEmptyPrompt() throws {
    #expect(
      try dataComplaint(#"{"prompt": " ", "chosen": "a", "rejected": "b"}"#).contains("line 2: the prompt is empty"))
  }

  @Test func anEmptyResponse() throws {
    #expect(try dataComplaint(#"{"prompt": "p", "chosen": "a", "rejected": ""}"#).contains("line 2: rejected is empty"))
  }

  @Test func nothingButEqualResponses() throws {
    let text = try dataComplaint(Array(#"{"prompt": "p", "chosen": "a", "rejected": "a"}"#.utf8))
    #expect(text.contains("1 left out: chosen equal to rejected (line 1)"))
  }

  @Test func promptsThatDiffer() throws {
    let text = try dataComplaint(
      Array(
        #"{"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: c\n\nAssistant: d"}"#.utf8))
    #expect(text.contains("the prompts of chosen and rejected differ"))
  }

  @Test func dataThatIsMissing() throws {
    let text = try complaint(["train", "--loss", "dpo", "--data", "/nowhere"], status: 65)
    #expect(text.hasPrefix("/nowhere: cannot be read: No such file or directory"))
  }

  @Test func aResponseLongerThanTheContextIsCutAndCounted() throws {
    let row = #"{"prompt": "p", "chosen": "\#(String(repeating: "long ", count: 20))", "rejected": "b"}"#
    let file = try place.write(row, as: "data.jsonl")
    let run = try Tool.run(
      [
        "train", "--loss", "dpo", "--data", file, "--max-steps", "1", "--max-position-embeddings", "32", "--output",
        place.path("run"),
      ] + Tiny.policy)
    #expect(run.status == 0 && run.error.contains("the beginning of 1 prompt, the end of 1 response"))
  }

  @Test func anUnknownLossOrPolicy() throws {
    #expect(
      try complaint(["train", "--loss", "dpoo"], status: 69) == "unknown loss 'dpoo'; did you mean 'dpo' or 'dpop'?\n")
    let policy = try complaint(["train", "--loss", "dpo", "--policy", "transforme"], status: 69)
    #expect(policy == "unknown policy 'transforme'; did you mean 'transformer'?\n")
  }

  @Test func anUnknownOption() throws {
    let text = try complaint(["train", "--loss", "dpo", "--lerning-rate", "1"], status: 64)
    #expect(text == "unknown option '--lerning-rate'; did you mean '--learning-rate'?\n")
  }

  @Test func aValueOutOfBounds() throws {
    let rate = try complaint(["train", "--loss", "dpo", "--learning-rate", "nan"], status: 64)
    #expect(rate == "invalid value nan for learning_rate; expected a number greater than 0\n")
    let epochs = try complaint(["train", "--loss", "dpo", "--num-train-epochs", "1e300"], status: 64)
    #expect(epochs.hasPrefix("invalid value 1e300 for num_train_epochs; expected"))
    let steps = try complaint(["train", "--loss", "dpo", "--max-steps", "0"], status: 64)
    #expect(
      steps == "invalid value 0 for max_steps; expected a whole number from 1 to 1000000000, or -1 for none\n")
    let size = try complaint(["train", "--loss", "dpo", "--hidden-size", "1.5"], status: 64)
    #expect(size.contains("invalid value 1.5 for hidden_size; expected a whole number"))
  }

  @Test func anOptionWithoutAValueAndAStrayArgument() throws {
    let text = try complaint(["train", "--loss", "dpo", "--learning-rate"], status: 64)
    #expect(text == "--learning-rate: no value follows; write --learning-rate <value>\n")
    let stray = try complaint(["train", "stray", "--loss", "dpo"], status: 64)
    #expect(stray == "unexpected argument 'stray'; options begin with --\n")
  }

  @Test func anOptionThatIsGivenTwice() throws {
    let text = try complaint(["train", "--loss", "dpo", "--seed", "1", "--seed", "2"], status: 64)
    #expect(text == "seed is set twice: 1 and 2; set it once\n")
  }

  @Test func noLossAndNoOutput() throws {
    #expect(try complaint(["train"], status: 64).hasPrefix("no loss is given; add --loss <objective>"))
    let run = try Tool.run(["train", "--loss", "dpo"])
    #expect(run.status == 64 && run.error.contains("no output_dir is given; add --output <directory>"))
  }

  @Test func anOptionThatNobodyReads() throws {
    let sizes = try complaint(["train", "--loss", "dpo", "--data", "x", "--train-size", "3"], status: 64)
    #expect(sizes.hasPrefix("train_size is for generated reviews"))
    let held = try complaint(["train", "--loss", "dpo", "--eval-data", "x"], status: 64)
    #expect(held.hasPrefix("eval_data is given, but no training data"))
    let reference = try complaint(["train", "--loss", "dpo", "--reference-policy", "transformer"], status: 64)
    #expect(reference.hasPrefix("reference_policy is given, but no reference"))
  }

  @Test func aColumnThatNothingSupplies() throws {
    try place.compile(Self.scoreReader, as: "libscore.so")
    let text = try complaint(
      ["train", "--loss", "needs-score", "--plugin-path", place.path("")] + Tiny.policy + Tiny.data, status: 64)
    #expect(text.hasPrefix("score: needs-score"))
  }

  @Test func aPolicyThatCannotBeTrained() throws {
    let text = try complaint(["train", "--loss", "dpo", "--policy", "log-probability-file"] + Tiny.data, status: 64)
    #expect(text == "policy log-probability-file: cannot be trained; choose one that can\n")
  }

  @Test func aModelThatIsMissing() throws {
    let text = try complaint(["train", "--loss", "dpo", "--init", "/nowhere"] + Tiny.data, status: 65)
    #expect(text.contains("/nowhere/config.json"))
  }

  @Test func absoluteRewardsWithoutAZero() throws {
    let text = try complaint(["train", "--loss", "cal-dpo @ log-probability"], status: 64)
    #expect(text.contains("has no zero at the reference"))
  }

  @Test func anOutputDirectoryThatHoldsARun() throws {
    let arguments = Tiny.train("--output", place.path("done"))
    #expect(try Tool.run(arguments).status == 0)
    let again = try Tool.run(arguments)
    #expect(again.status == 1 && again.error.contains("\(place.path("done")): holds an earlier run"))
    let resumed = try Tool.run(arguments + ["--resume"])
    #expect(resumed.status == 0 && resumed.output == "" && resumed.error.contains("the run is finished"))
  }

  @Test func anOutputDirectoryThatCannotBeWritten() throws {
    let run = try Tool.run(Tiny.train("--output", "/proc/losskit"))
    #expect(run.status == 1 && run.error.contains("/proc/losskit: cannot be made"))
  }

  @Test func aRunThatDoesNotExistCannotBeResumed() throws {
    let run = try Tool.run(Tiny.train("--output", place.path("none"), "--resume"))
    #expect(run.status == 1 && run.error.contains("there is no run to resume here"))
  }

  /// A loss that needs scores, which generated pairs lack.
  private static let scoreReader = """
    static int32_t compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
      (void)self; (void)frame; (void)error; return 0;
    }
    static const losskit_column columns[] = {
      { "policy_logp", "", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE }, { "score", "", LOSSKIT_PER_RESPONSE, 0 } };
    static const losskit_column *const inputs[] = { &columns[0], &columns[1] };
    static const losskit_component loss = {
      LOSSKIT_LOSS, LOSSKIT_ROWWISE | LOSSKIT_SHIFT_INVARIANT, 2, 2, 0, 0, "needs-score", "1", "A toy.", 0, 0, 0, 0, 2, 0,
      0, inputs, 0, 0, compute, 0 };
    static const losskit_component *const components[] = { &loss };
    static const losskit_plugin plugin = { 1, 0, 0, components, 0, 0, 0 };
    const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
      (void)host; (void)error; return &plugin;
    }
    """
}
