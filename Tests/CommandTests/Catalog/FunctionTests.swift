import Foundation
import Testing

/// A plain function with a manifest, through the whole tool.
@Suite struct FunctionTests {
  private let place: Workplace
  private let directory: String

  init() throws {
    place = try Workplace()
    directory = try place.makeDirectory("plugins")
    try place.compile(
      """
      double plain(double chosen_reward, double rejected_reward, double beta) {
        const double z = beta * (chosen_reward - rejected_reward);
        return log1p(exp(-fabs(z))) + fmax(-z, 0);
      }
      """, as: "plugins/libplain.so")
    try place.write(
      """
      {"name": "plain", "kind": "loss", "library": "libplain.so", "summary": "A plain function.",
       "function": "double plain(double chosen_reward, double rejected_reward, double beta = 0.1)",
       "hyperparameters": {"beta": {"minimum": 0, "minimum_excluded": true, "scales_rewards": true}}}
      """, as: "plugins/plain.losskit.json")
  }

  private func run(_ arguments: [String]) throws -> Tool.Outcome {
    try Tool.run(arguments + ["--plugin-path", directory])
  }

  @Test func listAndDescribeSayThatTheGradientIsNumeric() throws {
    let list = try run(["list"])
    #expect(list.status == 0 && list.error == "")
    let line = try #require(list.output.split(separator: "\n").first { $0.contains(" plain ") })
    #expect(line.contains("  plain.losskit.json") && line.hasSuffix("[numeric gradient] A plain function."))
    let entries = try #require(try json(run(["list", "--json"]).output) as? [[String: Any]])
    #expect(entries.filter { $0["numeric_gradient"] as? Bool == true }.map { $0["name"] as? String } == ["plain"])
    let card = try run(["describe", "plain"]).output
    #expect(card.contains("numeric gradient  yes\n") && card.contains("default reward    log-ratio\n"))
  }

  @Test func evaluationIsThatOfTheSameLossAsAPlugin() throws {
    let rows = try place.write(#"{"policy_logp": [-10, -12], "reference_logp": [-11, -11.5]}"#, as: "in.jsonl")
    let found = try run(["evaluate", "--loss", "plain(beta=0.2)", "--input", rows])
    let expected = try run(["evaluate", "--loss", "dpo(beta=0.2)", "--input", rows])
    #expect(found.status == 0 && expected.status == 0, "\(found.error)\(expected.error)")
    #expect(!expected.error.contains("numeric gradient") && !expected.output.contains("numeric gradient"))
    #expect((found.output + found.error).contains("numeric gradient"))
  }

  @Test func aRunAndAComparisonSayIt() throws {
    let tiny = ["--max-steps", "2"] + Tiny.policy + Tiny.data
    let train = try run(["train", "--loss", "plain", "--beta", "0.3", "--output", place.path("run")] + tiny)
    #expect(train.status == 0, "\(train.error)")
    #expect(train.output.contains("gradient") && train.output.contains("numeric gradient"))
    #expect(train.error.contains("objective: plain(beta=0.3) @ log-ratio, numeric gradient"))
    let record = try #require(try json(try place.text("run/run.json")) as? [String: Any])
    #expect(record["gradient"] as? String == "numeric gradient")
    let compare = try run(["compare", "plain", "dpo", "--start-max-steps", "1", "--output", place.path("both")] + tiny)
    #expect(compare.status == 0, "\(compare.error)")
    #expect(compare.output.contains("plain [numeric gradient]") && !compare.output.contains("dpo [numeric"))
    #expect(try place.text("both/report.html").contains("plain [numeric gradient]"))
  }

  /// The examples for functions in C, Rust and Fortran and in a system library, built as their README says, outside the
  /// repository; examples without a compiler are skipped.
  @Test func theExamplesMeetAllRequirementsAndTrain() throws {
    let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Examples/Foreign")
    let folder = try place.makeDirectory("examples")
    for file in try FileManager.default.contentsOfDirectory(atPath: examples.path) {
      try place.write(
        String(contentsOf: examples.appendingPathComponent(file), encoding: .utf8), as: "examples/\(file)")
    }
    let readme = try place.text("examples/README.md")
    for line in readme.split(separator: "\n") where ["cc ", "rustc ", "gfortran "].contains(where: line.hasPrefix) {
      _ = try shell("command -v \(line.prefix { $0 != " " }) && \(line)", in: folder)
    }
    var trained: [String] = []
    let objectives = [
      "c-sigmoid": "c-sigmoid(beta=0.1)", "rust-squared": "rust-squared", "fortran-hinge": "fortran-hinge",
      "tanh-ratio": "dpo @ tanh-ratio",
    ]
    for (name, objective) in objectives.sorted(by: { $0.key < $1.key }) {
      let libraries = ["rust-squared": "libsquared.so", "fortran-hinge": "libhinge.so"]
      if let library = libraries[name], !FileManager.default.fileExists(atPath: "\(folder)/\(library)") { continue }
      let check = try Tool.run(["check", "\(folder)/\(name).losskit.json"])
      #expect(check.status == 0, "\(check.output)")
      let train = try Tool.run(
        ["train", "--loss", objective, "--plugin-path", folder, "--max-steps", "2", "--output", place.path(name)]
          + Tiny.policy + Tiny.data)
      #expect(train.status == 0, "\(train.error)")
      trained.append(name)
    }
    #expect(trained.contains("c-sigmoid") && trained.contains("tanh-ratio"))
  }

  private func shell(_ line: String, in directory: String) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", line]
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }
}
