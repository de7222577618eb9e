import Foundation
import Testing

/// Files that are read in blocks: results as of one batch, and no results in a file where a line is refused.
@Suite struct EvaluateBlocksTests {
  /// More pairs than a block holds.
  private static let count = 40_000

  /// A pair whose numbers depend on its place.
  private func pair(_ index: Int) -> String {
    let value = Double(index % 977) / 7
    return #"{"policy_logp": [\#(-value), \#(-value - 1)], "reference_logp": [\#(-value / 3), -2]}"# + "\n"
  }

  private func pairs(_ range: Range<Int>) -> String { range.map(pair).joined() }

  @Test func theResultsAreThoseOfEachLine() throws {
    let place = try Workplace()
    let input = try place.write(pairs(0..<Self.count), as: "in.jsonl")
    let run = try Tool.run(["evaluate", "--loss", "dpo", "--input", input, "--output", place.path("out.jsonl")])
    #expect(run.status == 0 && run.error == "", "\(run.error)")
    let lines = try place.text("out.jsonl").split(separator: "\n")
    let few = try Tool.run(["evaluate", "--loss", "dpo", "--input", "-", "--output", "-"], input: pairs(0..<977))
    let expected = few.output.split(separator: "\n")
    #expect(lines.count == Self.count && expected.count == 977)
    #expect(lines.indices.allSatisfy { lines[$0] == expected[$0 % 977] })
    #expect(run.output.contains("prompts                    40000\n"))
  }

  @Test func anObjectiveOfTheWholeBatchGetsAllLinesAtOnce() throws {
    let rows = String(repeating: #"{"policy_logp": [-6], "token_count": [1]}"# + "\n", count: Self.count)
    let run = try Tool.run(
      ["evaluate", "--loss", "sft(per=batch-token)", "--input", "-", "--output", "-"],
      input: rows + #"{"policy_logp": [-6], "token_count": [\#(Self.count)]}"#)
    let last = try #require(try jsonLines(String(run.output.split(separator: "\n").last ?? "")).first)
    let loss = try #require(last["loss"] as? Double)
    // The sum of all log-probabilities over that of all token counts.
    #expect(abs(loss - Double(6 * (Self.count + 1)) / Double(2 * Self.count)) < 1e-12, "\(loss)")
  }

  @Test func aLongRankingAmongPairs() throws {
    let long = "{\"policy_logp\": [\((0..<5000).map { "-\($0)" }.joined(separator: ", "))]}\n"
    let pairs = String(repeating: "{\"policy_logp\": [-1, -2]}\n", count: 40)
    let run = try Tool.run(["evaluate", "--loss", "sft", "--input", "-", "--output", "-"], input: pairs + long + pairs)
    let lines = try jsonLines(run.output)
    #expect(
      lines.map { ($0["d_policy_logp"] as? [Double])?.count } == Array(repeating: 2, count: 40) + [5000]
        + Array(repeating: 2, count: 40))
    #expect(
      lines.map { $0["loss"] as? Double } == Array(repeating: 1, count: 40) + [0] + Array(repeating: 1, count: 40))
  }

  @Test func aLineThatIsRefusedLeavesTheFileAsItWas() throws {
    let place = try Workplace()
    let output = try place.write("what was there\n", as: "out.jsonl")
    let input = try place.write(pairs(0..<Self.count) + #"{"policy_logp": [-10, -12]}"#, as: "in.jsonl")
    let run = try Tool.run(["evaluate", "--loss", "dpo", "--input", input, "--output", output])
    #expect(run.status == 65 && run.output == "")
    #expect(run.error.contains("in.jsonl, line 40001: has no reference_logp"), "\(run.error)")
    #expect(try place.text("out.jsonl") == "what was there\n")
    let directory = URL(fileURLWithPath: output).deletingLastPathComponent().path
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["in.jsonl", "out.jsonl"])
  }

  @Test func theModeOfAFileAndALinkToItStay() throws {
    let place = try Workplace()
    let input = try place.write(pair(0), as: "in.jsonl")
    let output = try place.write("", as: "out.jsonl")
    #expect(chmod(output, 0o600) == 0 && symlink(output, place.path("link")) == 0)
    let run = try Tool.run(["evaluate", "--loss", "dpo", "--input", input, "--output", place.path("link")])
    #expect(run.status == 0, "\(run.error)")
    #expect(try jsonLines(place.text("out.jsonl")).count == 1)
    let attributes = try FileManager.default.attributesOfItem(atPath: output)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: place.path("link")) == output)
  }

  @Test func theFileOfTheRowsIsNotOverwritten() throws {
    let place = try Workplace()
    let input = try place.write(pair(0), as: "in.jsonl")
    #expect(link(input, place.path("hard")) == 0 && symlink(input, place.path("soft")) == 0)
    for output in [input, place.path("hard"), place.path("soft")] {
      let run = try Tool.run(["evaluate", "--loss", "dpo", "--input", input, "--output", output])
      #expect(run.status == 64 && run.output == "")
      #expect(
        run.error
          == "losskit: error: --output: \(output) is the file that --input reads; choose another file for the results\n"
      )
    }
    let shell = try Tool.shell("\"$LOSSKIT\" evaluate --loss dpo --input '\(input)' --output - >> '\(input)'")
    #expect(shell.status == 64 && shell.error.contains("--output: standard output is the file"), "\(shell.error)")
    #expect(try place.text("in.jsonl") == pair(0))
  }
}
