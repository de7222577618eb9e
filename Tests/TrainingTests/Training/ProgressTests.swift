import FoundationEssentials
import LossKitSystem
import Testing

@testable import LossKitTraining

@Suite struct ProgressTests {
  private let position = Progress.Position(
    step: 30, total: 120, loss: 0.51234, pairsPerSecond: 412.3, secondsLeft: 75)

  @Test func theBarShowsHowFarTheRunIs() {
    let bar = Progress.bar(position, label: "dpo", width: 100)
    #expect(bar == "dpo [##########..............................] 30/120  loss 0.5123  412.3 pairs/s  1 min 15 s left")
  }

  @Test(arguments: [0, 10, 40, 60, 80, 200])
  func theBarFitsTheTerminal(width: Int) {
    #expect(Progress.bar(position, label: "dpo", width: width).count <= max(0, width - 1))
  }

  @Test func linesArePlainWhereThereIsNoTerminal() throws {
    let directory = try TemporaryDirectory()
    let path = directory("output")
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
    defer { close(descriptor) }
    let progress = Progress(label: "dpo", descriptor: descriptor)
    progress.update(position)
    progress.log(position)
    progress.say("held out")
    progress.finish()
    let text = String(decoding: try content(path), as: UTF8.self)
    #expect(
      text == "dpo: step 30/120  loss 0.5123  412.3 pairs/s  1 min 15 s left\ndpo: held out\n")
  }

  @Test func aSignalAsksForAnEnd() {
    let interruption = Interruption.onSignals()
    #expect(!interruption.isRequested)
    kill(getpid(), SIGTERM)
    // Another thread may receive the signal.
    for _ in 0..<500 where !interruption.isRequested { usleep(10_000) }
    #expect(interruption.isRequested)
  }
}
