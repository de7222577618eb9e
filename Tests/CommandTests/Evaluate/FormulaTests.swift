import Foundation
import Testing

/// Formulas as text in every command that takes an objective.
@Suite struct FormulaTests {
  private let text = "{-logsigmoid(beta*(chosen.reward - rejected.reward)) + 0.1*square(chosen.reward - 5)}(beta=0.1)"
  private let resolved =
    "{-logsigmoid(beta * (chosen.reward - rejected.reward)) + 0.1 * square(chosen.reward - 5)}(beta=0.1) @ log-ratio"

  @Test func evaluate() throws {
    let run = try Tool.run(
      ["evaluate", "--loss", text, "--input", "-", "--output", "-"],
      input: #"{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}"# + "\n")
    #expect(run.status == 0, "\(run.error)")
    let line = try #require(try jsonLines(run.output).first)
    #expect(line["loss"] as? Double == 0.5981388693815918 + 1.6)
    #expect(line["d_policy_logp"] as? [Double] == [-0.04501660026875221 - 0.8, 0.04501660026875221])
    #expect(run.error.contains("objective                  \(resolved)\n"))
    #expect(run.error.contains("rewards/chosen             0.1\n"))
  }

  @Test func describe() throws {
    let run = try Tool.run(["describe", text])
    #expect(run.status == 0, "\(run.error)")
    for line in [
      "formula (loss, version 1)", "  beta  0.1  a finite number", "  loss = 0.1 * square(u) - logsigmoid(z)",
      "  d loss / d rejected.reward = sigmoid(-z) * beta",
    ] { #expect(run.output.contains(line), "\(line)") }
    let reward = try Tool.run(["describe", "@ {response.policy_logp - response.reference_logp}"])
    #expect(reward.status == 0 && reward.output.contains("zero at reference  yes"), "\(reward.error)")
  }

  @Test func trainAndCompare() throws {
    let place = try Workplace()
    let run = try Tool.run(
      ["compare", "dpo(beta=0.1)", "0.5*\(text) + sft", "--max-steps", "2", "--start-max-steps", "1"]
        + ["--output", place.path("run")] + Tiny.policy + Tiny.data)
    #expect(run.status == 0, "\(run.error)")
    #expect(try place.text("run/report.html").contains("0.1 * square(chosen.reward - 5)}(beta=0.1) + sft"))
  }

  @Test func aMistakeIsWrongUsageAndShown() throws {
    for command in [["train", "--max-steps", "1", "--loss"], ["evaluate", "--input", "-", "--loss"], ["describe"]] {
      let run = try Tool.run(command + ["{square(chosen.rewrd)}"])
      #expect(run.status == 64, "\(command)")
      #expect(
        run.error.contains(
          "objective, column 16: unknown column 'rewrd'; did you mean 'reward'?\n  {square(chosen.rewrd)}\n                 ^"
        ),
        "\(run.error)")
    }
  }
}
