import Foundation
import Testing

/// Runs whose standard input, output or error is closed, or is a pipe without a reader.
@Suite struct StandardFilesTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func words(_ arguments: [String]) -> String {
    "\"$LOSSKIT\" " + arguments.map { "'\($0)'" }.joined(separator: " ")
  }

  @Test func whatIsClosedAtTheStartIsNoFileOfTheRun() throws {
    let command = words(Tiny.train("--output", place.path("run"), "--logging-steps", "1"))
    let shell = try Tool.shell("\(command) <&- >&- 2>&-")
    #expect(shell.status == 0)
    let metrics = try jsonLines(place.text("run/metrics.jsonl"))
    #expect(metrics.count >= 2)
    #expect(try place.text("run/.lock").isEmpty)
    #expect(try json(place.text("run/run.json")) is [String: Any])
  }

  @Test func aRunOutlivesTheReaderOfItsLog() throws {
    let command = words(Tiny.train("--output", place.path("run"), "--logging-steps", "1", steps: 4))
    _ = try Tool.shell("{ sleep 0.2; env --default-signal=PIPE \(command); } 2>&1 | true")
    #expect(place.exists("run/model/config.json"))
    #expect(try jsonLines(place.text("run/metrics.jsonl")).count >= 4)
  }

  /// A limit on the size of files is an error of the file it applies to, whatever the command; lost notes are none.
  @Test func aFileLimitIsAnErrorThatNamesTheFile() throws {
    let rows = (0..<200).map { _ in #"{"policy_logp": [-1, -2], "reference_logp": [-1, -1]}"# }
    let input = try place.write(rows.joined(separator: "\n"), as: "rows.jsonl")
    let command = words(["evaluate", "--loss", "dpo", "--input", input, "--output", place.path("out.jsonl")])
    let run = try Tool.shell("ulimit -f 1; exec env --default-signal=XFSZ \(command)")
    #expect(run.status == 1 && !run.wasEndedBySignal)
    #expect(run.error.contains("out.jsonl: cannot be written: File too large"), "\(run.error)")
  }

  @Test func aReaderThatEndsIsNoErrorOfAList() throws {
    let run = try Tool.shell(
      "{ env --default-signal=PIPE sh -c 'sleep 0.2; exec \"$LOSSKIT\" list'; echo $? >'\(place.path("status"))'; } | true"
    )
    #expect(run.error == "")
    #expect(try place.text("status") == "141\n")
  }

  @Test func theIndexProgramOpensClosedFilesToo() throws {
    // Its file 3, to which it writes records, is the only one that it finds open.
    let index = "\(try Tool.directory())/losskit-index"
    let library = "\(try Tool.directory())/libDPO.so"
    let run = try Tool.shell("'\(index)' '\(library)' 3>'\(place.path("records"))' <&- >&- 2>&-")
    #expect(run.status == 0)
    #expect(try place.text("records").hasPrefix("ready\n"))
  }
}
