import Foundation
import Testing

@Suite struct EvaluateTests {
  private func evaluate(_ loss: String, _ rows: String, _ more: String...) throws -> Tool.Outcome {
    try Tool.run(["evaluate", "--loss", loss, "--input", "-", "--output", "-"] + more, input: rows)
  }

  @Test func linesAndSummary() throws {
    let run = try evaluate(
      "dpo", #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"# + "\n", "--set", "beta=0.1")
    #expect(run.status == 0)
    #expect(
      run.output == """
        {"loss": 0.5981388693815918, "reward": [1.0, -1.0], "d_policy_logp": [-0.04501660026875221, 0.04501660026875221]}

        """)
    let lines = run.error.split(separator: "\n").filter { !$0.hasPrefix("hash") }
    #expect(
      lines == [
        "objective                  dpo(beta=0.1, label_smoothing=0) @ log-ratio",
        "prompts                    1",
        "loss                       0.598139",
        "rewards/chosen             0.1",
        "rewards/rejected           -0.1",
        "rewards/margins            0.2",
        "rewards/accuracies         1",
        "implicit_rewards/chosen    1",
        "implicit_rewards/rejected  -1",
        "logps/chosen               -10",
        "logps/rejected             -12",
      ])
  }

  @Test func aFileInAndAFileOut() throws {
    let place = try Workplace()
    let input = try place.write(#"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"#, as: "in.jsonl")
    let run = try Tool.run([
      "evaluate", "--loss", "dpo(beta=0.1)", "--input", input, "--output", place.path("out.jsonl"), "--json",
    ])
    #expect(run.status == 0 && run.error == "")
    let line = try #require(try jsonLines(try place.text("out.jsonl")).first)
    #expect(line["loss"] as? Double == 0.5981388693815918)
    let summary = try #require(try jsonLines(run.output).first)
    #expect(summary["loss"] as? Double == 0.5981388693815918 && summary["prompts"] as? Double == 1)
    #expect(summary["objective"] as? String == "dpo(beta=0.1, label_smoothing=0) @ log-ratio")
    #expect((summary["hash"] as? String)?.count == 64 && summary["rewards/accuracies"] as? Double == 1)
    #expect(summary["numeric_gradient"] as? Bool == false && summary["logps/rejected"] as? Double == -12)
  }

  @Test func aRunThatIsKilledLeavesNothing() throws {
    let place = try Workplace()
    let directory = try place.makeDirectory("results")
    let killed = try Tool.shell(
      """
      (echo '{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}'; exec sleep 20 2>/dev/null) |
        "$LOSSKIT" evaluate --loss dpo --input - --output '\(directory)/rows.jsonl' & run=$!
      for attempt in $(seq 100); do
        readlink /proc/$run/fd/* | grep -q '^\(directory)/' && break
        sleep 0.1
      done
      kill -9 $run && echo killed
      """)
    #expect(killed.output == "killed\n", "\(killed.error)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
  }

  @Test func withoutOutputOnlyTheSummaryIsWritten() throws {
    let run = try Tool.run(
      ["evaluate", "--loss", "dpo", "--input", "-"],
      input: #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"#)
    #expect(run.status == 0 && run.error == "" && run.output.hasPrefix("objective ") && !run.output.contains("{"))
  }

  @Test func theGradientIsThatOfTheSumOverLines() throws {
    let row = #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"#
    let one = try evaluate("dpo", row)
    let two = try evaluate("dpo", "\(row)\n\n\(row)\n")
    #expect(two.output == one.output + one.output)
  }

  @Test func theNamesOfTRL() throws {
    let run = try evaluate(
      "ipo @ mean-log-ratio",
      #"{"policy_chosen_logps": -10, "policy_rejected_logps": -12, "ref_chosen_logps": -11, "#
        + #""ref_rejected_logps": -11, "chosen_tokens": 2, "rejected_tokens": 4}"#, "--set", "beta=0.5")
    #expect(run.status == 0)
    #expect(
      run.output == """
        {"loss": 0.0625, "reward": [0.5, -0.25], "d_policy_chosen_logps": -0.25, "d_policy_rejected_logps": 0.125}

        """)
  }

  @Test func rankingsOfDifferentLength() throws {
    let run = try evaluate(
      "sft", "{\"policy_logp\": [-1, -2, -3]}\n{\"policy_logp\": [-5]}\n{\"policy_logp\": [-2, -9]}")
    #expect(run.status == 0)
    #expect(
      run.output == """
        {"loss": 1.0, "d_policy_logp": [-1.0, 0.0, 0.0]}
        {"loss": 5.0, "d_policy_logp": [-1.0]}
        {"loss": 2.0, "d_policy_logp": [-1.0, 0.0]}

        """)
  }

  @Test func theFileIsOneBatch() throws {
    let run = try evaluate(
      "sft(per=batch-token)",
      "{\"policy_logp\": [-6], \"token_count\": [1]}\n{\"policy_logp\": [-2], \"token_count\": [3]}")
    let lines = try jsonLines(run.output)
    #expect(lines.map { $0["loss"] as? Double } == [2, 2])
    #expect(lines.map { $0["d_policy_logp"] as? [Double] } == [[-0.5], [-0.5]])
  }

  @Test func stateStartsAtItsFirstValue() throws {
    let row = #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"#
    let first = try evaluate("bco", row)
    let second = try evaluate("bco", row)
    #expect(first.status == 0 && first.output == second.output)
  }

  @Test func referencesInAnArrayOfArrays() throws {
    let place = try Workplace()
    let directory = try place.makeDirectory("plugins")
    try place.compile(Self.twoReferences, as: "plugins/libtwo.so")
    let run = try evaluate(
      "dpo(beta=1) @ two", #"{"policy_logp": [-1, -2], "reference_logp": [[-3, -5], [-7, -4]]}"#, "--plugin-path",
      directory)
    let line = try #require(try jsonLines(run.output).first)
    #expect(run.status == 0 && line["reward"] as? [Double] == [4, 2.5])
    let gradient = try #require(line["d_reference_logp"] as? [[Double]])
    let slope = try #require((line["d_policy_logp"] as? [Double])?.first)
    #expect(gradient == [[-slope / 2, slope / 2], [-slope / 2, slope / 2]])
    let one = try evaluate(
      "dpo(beta=1) @ two", #"{"policy_logp": [-1, -2], "reference_logp": [-3, -5]}"#, "--plugin-path", directory)
    #expect(one.status != 0 && one.output == "" && one.error.contains("references"))
  }

  @Test func tokensInArraysOfArrays() throws {
    let place = try Workplace()
    let directory = try place.makeDirectory("plugins")
    try place.compile(Self.tokenSum, as: "plugins/libtokens.so")
    let run = try evaluate(
      "dpo(beta=1) @ tokens",
      "{\"policy_token_logp\": [[-1, -2], [-3]]}\n{\"policy_token_logp\": [[-0.5], [-0.5, -0.25, -4]]}",
      "--plugin-path",
      directory)
    #expect(run.status == 0)
    let lines = try jsonLines(run.output)
    #expect(lines.map { $0["reward"] as? [Double] } == [[-3, -3], [-0.5, -4.75]])
    let gradients = lines.compactMap { $0["d_policy_token_logp"] as? [[Double]] }
    #expect(gradients.map { $0.map(\.count) } == [[2, 1], [1, 3]] && gradients[0] == [[-0.5, -0.5], [0.5]])
  }

  @Test func columnsThatNobodyReadsAreTold() throws {
    let run = try Tool.run(
      ["evaluate", "--loss", "dpo", "--input", "-"],
      input: #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11], "note": "x", "score": [1, 2]}"#)
    #expect(run.status == 0 && run.error == "losskit: standard input: not read: note, score\n")
  }

  @Test func aDifferentiableColumnThatNobodyReadsHasAGradientOfZero() throws {
    let run = try evaluate(
      "dpo", #"{"policy_logp": [-3, -4], "reference_logp": [-3, -4], "policy_token_logp": [[-1, -2], [-4]]}"#)
    let line = try #require(try jsonLines(run.output).first)
    #expect(line["d_policy_token_logp"] as? [[Double]] == [[0, 0], [0]])
    #expect(run.error.hasPrefix("losskit: standard input: not read: policy_token_logp\n"))
  }

  @Test func aRewardAsAnOption() throws {
    let rows = #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11], "token_count": [2, 4]}"#
    let option = try evaluate("dpo", rows, "--reward", "mean-log-ratio")
    let written = try evaluate("dpo @ mean-log-ratio", rows)
    #expect(option.status == 0 && option.output == written.output)
  }

  @Test func aRenamedCopyIsUsedWithoutARebuild() throws {
    let place = try Workplace()
    let directory = try place.makeDirectory("plugins")
    try place.copy("libCalDPO.so", to: "plugins/librenamed.so")
    let rows = #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"#
    let arguments = ["evaluate", "--loss", "cal-dpo", "--input", "-", "--output", "-"]
    let copy = try Tool.run(arguments, input: rows, environment: ["LOSSKIT_PLUGIN_PATH": directory])
    let original = try Tool.run(arguments, input: rows)
    #expect(copy.status == 0 && copy.output == original.output)
  }

  /// A reward that compares with the mean of two references, and has gradients with respect to them.
  private static let twoReferences = reward(
    name: "two", references: 2,
    columns: [
      #"{ "policy_logp", "", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE }"#,
      #"{ "reference_logp", "", LOSSKIT_PER_RESPONSE, LOSSKIT_DIFFERENTIABLE | LOSSKIT_PER_REFERENCE }"#,
    ],
    compute: """
      const size_t n = frame->prompts * frame->responses;
      for (size_t i = 0; i < n; i++) {
        frame->output[i] = frame->inputs[0][i] - (frame->inputs[1][i] + frame->inputs[1][n + i]) / 2;
        if (!frame->cotangent) continue;
        frame->gradients[0][i] = frame->cotangent[i];
        frame->gradients[1][i] = frame->gradients[1][n + i] = -frame->cotangent[i] / 2;
      }
      """)

  /// A reward that sums over tokens.
  private static let tokenSum = reward(
    name: "tokens", references: 0,
    columns: [#"{ "policy_token_logp", "", LOSSKIT_PER_TOKEN, LOSSKIT_DIFFERENTIABLE }"#],
    compute: """
      for (size_t i = 0; i < frame->prompts * frame->responses; i++) {
        frame->output[i] = 0;
        for (size_t t = frame->token_offsets[i]; t < frame->token_offsets[i + 1]; t++) {
          frame->output[i] += frame->inputs[0][t];
          if (frame->cotangent) frame->gradients[0][t] = frame->cotangent[i];
        }
      }
      """)

  private static func reward(name: String, references: Int, columns: [String], compute: String) -> String {
    let declared = columns.enumerated().map { "static const losskit_column column\($0) = \($1);" }
    return """
      static int32_t compute(const losskit_component *self, const losskit_frame *frame, losskit_error *error) {
        (void)self; (void)error;
        \(compute)
        return 0;
      }
      \(declared.joined(separator: "\n"))
      static const losskit_column *const inputs[] = { \(columns.indices.map { "&column\($0)" }.joined(separator: ", ")) };
      static const losskit_component reward = {
        LOSSKIT_REWARD, LOSSKIT_ROWWISE | LOSSKIT_ZERO_AT_REFERENCE, 1, UINT32_MAX, \(references), \(references), "\(name)",
        "1", "A toy.", 0, 0, 0, 0, \(columns.count), 0, 0, inputs, 0, 0, compute, 0 };
      static const losskit_component *const components[] = { &reward };
      static const losskit_plugin plugin = { 1, 0, 0, components, 0, 0, 0 };
      const losskit_plugin *losskit_plugin_entry_v1(const losskit_host *host, losskit_error *error) {
        (void)host; (void)error; return &plugin;
      }
      """
  }
}
