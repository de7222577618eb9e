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
    _ = try Tool.shell("{ sleep 0.2; \(command); } 2>&1 | true")
    #expect(place.exists("run/model/config.json"))
    #expect(try jsonLines(place.text("run/metrics.jsonl")).count >= 4)
  }
}
