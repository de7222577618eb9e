import Foundation
import Testing

/// `losskit verify`: every part of a run is one line.
@Suite struct VerifyTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func train(_ name: String) throws {
    let run = try Tool.run(Tiny.train("--output", place.path(name), "--save-steps", "2", steps: 4))
    #expect(run.status == 0, "\(run.error)")
  }

  private func change(_ name: String, _ body: (inout Data) -> Void) throws {
    let url = URL(fileURLWithPath: place.path(name))
    var bytes = try Data(contentsOf: url)
    body(&bytes)
    try bytes.write(to: url)
  }

  @Test func aWholeRun() throws {
    try train("run")
    let before = try files()
    let run = try Tool.run(["verify", place.path("run")])
    #expect(run.status == 0 && run.error == "", "\(run.error)")
    #expect(
      run.output == """
        run.json       whole
        reference.bin  whole
        checkpoint-2   whole
        checkpoint-4   whole
        metrics.jsonl  whole
        model          whole

        """)
    #expect(try files() == before)
  }

  @Test(arguments: [
    ("run.json", "run.json       damaged: "), ("reference.bin", "reference.bin  damaged: it has changed since"),
    ("checkpoint-2/policy/optimizer.safetensors", "checkpoint-2   damaged: policy/optimizer.safetensors has "),
    ("checkpoint-4/trainer.json", "checkpoint-4   damaged: trainer.json has "),
    ("checkpoint-4/losskit-manifest.json", "checkpoint-4   damaged: losskit-manifest.json is damaged"),
    ("metrics.jsonl", "metrics.jsonl  damaged: it has "),
    ("model/model.safetensors", "model          damaged: model.saf"),
  ])
  func aFileThatIsCut(file: String, finding: String) throws {
    try train("run")
    try change("run/\(file)") { $0.removeLast(9) }
    let run = try Tool.run(["verify", place.path("run")])
    #expect(run.status == 65 && run.output.contains("\n\(finding)") || run.output.hasPrefix(finding), "\(run.output)")
    #expect(run.output.split(separator: "\n").count { $0.hasSuffix("whole") } == 5)
    #expect(run.error.contains("passed over by 'losskit train --resume'"))
  }

  @Test func oneBitOfEachFileOfACheckpoint() throws {
    try train("run")
    for file in try FileManager.default.subpathsOfDirectory(atPath: place.path("run/checkpoint-4"))
    where file.contains(".") {
      let name = "run/checkpoint-4/\(file)"
      try change(name) { $0[$0.count / 2] ^= 1 }
      let run = try Tool.run(["verify", place.path("run")])
      #expect(run.status == 65 && run.output.contains("checkpoint-4   damaged: "), "\(file): \(run.output)")
      try change(name) { $0[$0.count / 2] ^= 1 }
    }
    #expect(try Tool.run(["verify", place.path("run")]).status == 0)
  }

  @Test func severalRunsAndNone() throws {
    try train("a")
    try train("b")
    let runs = try Tool.run(["verify", place.path("a") + "/", place.path("b")])
    #expect(runs.status == 0 && runs.output.contains("\(place.path("b"))/checkpoint-4   whole\n"), "\(runs.output)")
    let none = try Tool.run(["verify", place.path("")])
    #expect(none.status == 1 && none.error.contains("there is no run to verify here"))
  }

  private func files() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: place.path("run")).sorted()
  }
}
