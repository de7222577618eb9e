import Foundation
import Testing

/// Training an adapter, resuming it, and `losskit merge`.
@Suite("Adapters")
struct AdapterTests {
  private let place: Workplace
  private let base: String

  init() throws {
    place = try Workplace()
    base = place.path("base/model")
    let made = try Tool.run(Tiny.train("--output", place.path("base")))
    #expect(made.status == 0, "\(made.error)")
  }

  private func train(_ output: String, steps: String, _ more: String...) throws -> Tool.Outcome {
    try Tool.run(
      [
        "train", "--loss", "dpo", "--max-steps", steps, "--save-steps", "2", "--init", base, "--policy-set",
        "lora_rank=2", "--output",
        place.path(output),
      ] + Tiny.data + more)
  }

  private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: place.path(name))) }

  @Test("An adapter is trained, resumed and merged")
  func trainAndMerge() throws {
    let run = try train("run", steps: "2")
    #expect(run.status == 0, "\(run.error)")
    let first = try bytes("run/model/adapter_model.safetensors")
    let resumed = try train("run", steps: "4", "--resume")
    #expect(resumed.status == 0, "\(resumed.error)")
    #expect(try bytes("run/model/adapter_model.safetensors") != first)
    #expect(!place.exists("run/model/model.safetensors"))
    #expect(try place.text("run/model/adapter_config.json").contains("/base/model\""))

    let merged = try Tool.run(["merge", place.path("run/model"), "--output", place.path("merged")])
    #expect(merged.status == 0, "\(merged.error)")
    #expect(try bytes("merged/model.safetensors") != bytes("base/model/model.safetensors"))
    let again = try Tool.run(["merge", place.path("run/model"), "--output", place.path("merged")])
    #expect(again.status == 64 && again.error.contains("merged exists"))
    let plain = try Tool.run(["merge", base, "--output", place.path("other")])
    #expect(plain.status == 65 && plain.error.contains("has no adapter_config.json, and nothing to merge"))
  }
}
