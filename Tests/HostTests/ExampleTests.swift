import Foundation
import LossKit
import LossKitRuntime
import Testing

/// The programs in Examples/Hosts, built in a clean directory against an installed prefix that was moved.
@Suite("Example hosts", .serialized)
struct ExampleTests {
  @Test("C, C++ and Rust get the loss and gradient of the runtime", arguments: ["C", "C++", "Rust"])
  func calDPO(language: String) throws {
    if language == "Rust", try Program.run("rustc", ["--version"], in: "/").status != 0 {
      print("Skipped: the Rust example, for there is no rustc.")
      return
    }
    let build = [
      "C": "cc -std=c11 -Wall -Wextra -Werror cal_dpo.c $(pkg-config --cflags --libs losskit) -o cal_dpo",
      "C++": "c++ -std=c++17 -Wall -Wextra -Werror cal_dpo.cpp $(pkg-config --cflags --libs losskit) -o cal_dpo",
      "Rust": "rustc --edition 2021 -D warnings cal_dpo.rs -L \"$PREFIX/lib\" -C \"link-arg=-Wl,-rpath,$PREFIX/lib\"",
    ]
    let outcome = try Prefix.shared.get().shell(
      "cp \"$PACKAGE/Examples/Hosts/\(language)\"/* .; \(try #require(build[language])); ./cal_dpo")
    #expect(outcome.status == 0, "\(outcome.output)")
    let lines = outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let expected = try expectedEvaluation()
    let loss = try #require(lines.first { $0.first == "loss" }).dropFirst().compactMap(Double.init)
    #expect(zip(loss, [expected.loss]).allSatisfy { abs($0 - $1) <= 1e-12 * abs($1) } && loss.count == 1)
    let pairs = lines.filter { $0.first == "gradient" }.map { $0.dropFirst().compactMap(Double.init) }
    #expect(pairs.count == 3)
    for (index, pair) in pairs.enumerated() {
      #expect(pair.count == 2)
      for (value, right) in zip(pair, [expected.gradient[index], expected.gradient[index + 3]]) {
        #expect(abs(value - right) <= 1e-12 * abs(right))
      }
    }
    if language != "C" { #expect(outcome.output.contains("refused column 'reference_logp'")) }
  }

  @Test("A Swift package that depends on LossKit by path trains its own model")
  func swiftPackage() throws {
    // In the build directory, so that it is built once.
    let scratch = URL(fileURLWithPath: try Program.buildDirectory()).deletingLastPathComponent().path + "/hosts"
    let prefix = try Prefix.shared.get()
    let outcome = try prefix.shell(
      "cd \"$PACKAGE/Examples/Hosts/Swift\"; swift build -q --scratch-path '\(scratch)'; '\(scratch)/debug/TinyPolicy'",
      environment: ["LOSSKIT_PLUGIN_PATH": prefix.path + "/lib/losskit/plugins"])
    #expect(outcome.status == 0, "\(outcome.output)")
    #expect(outcome.output.contains("objective cal-dpo(beta=0.5, calibration=1) @ log-ratio"))
    let losses = outcome.output.matches(of: /step \d+ loss ([0-9.]+)/).compactMap { Double($0.output.1) }
    #expect(losses.count == 5 && losses[0] > 2 && losses[4] < losses[0] - 1, "\(outcome.output)")
    let margins = outcome.output.matches(of: /by ([-0-9.]+) nats/).compactMap { Double($0.output.1) }
    #expect(margins.count == 4 && margins.allSatisfy { $0 > 0 }, "\(outcome.output)")
  }

  private func expectedEvaluation() throws -> (loss: Double, gradient: [Double]) {
    let path = try Prefix.shared.get().path + "/lib/losskit/plugins"
    let registry = PluginRegistry(searchPath: try PluginSearchPath([path]))
    let objective = try Objective("cal-dpo(beta=0.1)", in: registry)
    var state = objective.initialState
    let batch = Batch(
      prompts: 3,
      columns: [
        "policy_logp": [-10, -12.5, -8.25, -11, -12, -16.5], "reference_logp": [-11, -12, -9, -10.5, -12.25, -14],
      ])
    let evaluation = try objective.evaluate(batch, state: &state)
    let gradient = try #require(evaluation.gradients["policy_logp"])
    return (evaluation.loss.reduce(0, +) / 3, gradient.map { $0 / 3 })
  }
}
