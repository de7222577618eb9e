import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime
@testable import LossKitSource

/// Exports to C, compiled and run: all objectives in one program, which prints its results.
@Suite struct CSourceTests {
  @Test func theCompiledFunctionsGiveWhatTheObjectivesGive() throws {
    let calls = try ExportCases.objectives.map(ExportedCall.init)
    let workshop = try PluginWorkshop()
    var declarations = ""
    var body = ""
    var files: [String] = []
    for (index, call) in calls.enumerated() {
      let source = try call.objective.exported(as: .c)
      let start = try #require(source.range(of: "\nint \(CodeLanguage.c.identifier(call.formula.name))("))
      let end = try #require(source.range(of: " {\n", range: start.upperBound..<source.endIndex))
      let arguments = source[start.upperBound..<end.lowerBound]
      declarations += "int f\(index)(\(arguments);\n"
      let renamed = source.replacingCharacters(in: start, with: "\nint f\(index)(")
      files.append("f\(index).c")
      try workshop.write(Array(renamed.utf8), as: "f\(index).c")
      body += Self.call(call, "f\(index)")
    }
    let main = """
      #include <stdint.h>
      #include <stdio.h>
      #include <stddef.h>
      \(declarations)
      static void print(const double *x, size_t n) { for (size_t i = 0; i < n; i++) printf("%.17g\\n", x[i]); }
      int main(void) {
      \(body)  return 0;
      }
      """
    try workshop.write(Array(main.utf8), as: "main.c")
    let options = ["-std=c11", "-pedantic", "-Wall", "-Werror", "-ffp-contract=off", "-o", "all"]
    let paths = (files + ["main.c"]).map { workshop.path($0) }
    let compiled = try Child.run(["cc"] + options.dropLast() + [workshop.path("all")] + paths + ["-lm"])
    try #require(compiled.status == 0, "\(compiled.text.prefix(2000))")
    let run = try Child.run([workshop.path("all")])
    try #require(run.status == 0)
    var numbers = run.text.split(separator: "\n").map { Double($0) ?? .nan }[...]
    func take(_ count: Int) -> [Double] {
      defer { numbers = numbers.dropFirst(count) }
      return Array(numbers.prefix(count))
    }
    for call in calls {
      let loss = take(call.batch.prompts)
      let reward = take(call.evaluation.reward.count)
      let gradients = call.differentiated.map { ($0.name, take(call.batch.columns[$0.name]?.count ?? 0)) }
      let state = take(call.state.count)
      let worst = call.worst(
        loss: loss, reward: reward, gradients: Dictionary(uniqueKeysWithValues: gradients), state: state)
      #expect(worst < 1e-10, "\(call.text)")
    }
    #expect(numbers.isEmpty)
  }

  /// A block that calls a function with a batch and prints what it returns.
  private static func call(_ call: ExportedCall, _ name: String) -> String {
    func list(_ values: [Double]) -> String { values.map { "\($0)" }.joined(separator: ", ") }
    let rows = call.batch.prompts * call.batch.responses
    var lines: [String] = []
    var arguments = ["\(call.batch.prompts)"]
    for (index, column) in call.inputs.enumerated() {
      lines.append("const double x\(index)[] = {\(list(call.batch.columns[column.name] ?? []))};")
      arguments.append("x\(index)")
    }
    if call.formula.tokens != nil {
      lines.append(
        "const size_t offsets[] = {\((call.batch.tokenOffsets ?? []).map(String.init).joined(separator: ", "))};")
      arguments.append("offsets")
    }
    arguments += call.formula.parameters.map { "\($0.value)" }
    if !call.state.isEmpty {
      lines.append("double state[] = {\(list(call.objective.initialState))};")
      arguments.append("state")
    }
    if call.formula.isRandom { arguments.append("UINT64_C(\(ExportedCall.seed))") }
    arguments.append("NULL")
    lines.append("double loss[\(call.batch.prompts)];")
    arguments.append("loss")
    var prints = ["print(loss, \(call.batch.prompts));"]
    if !call.evaluation.reward.isEmpty {
      lines.append("double reward[\(rows)];")
      arguments.append("reward")
      prints.append("print(reward, \(rows));")
    }
    for (index, column) in call.differentiated.enumerated() {
      let count = call.batch.columns[column.name]?.count ?? 0
      lines.append("double d\(index)[\(count)];")
      arguments.append("d\(index)")
      prints.append("print(d\(index), \(count));")
    }
    if !call.state.isEmpty { prints.append("print(state, \(call.state.count));") }
    lines.append("if (\(name)(\(arguments.joined(separator: ", ")))) return 1;")
    return "  {\n" + (lines + prints).map { "    \($0)\n" }.joined() + "  }\n"
  }
}

/// A child process and its output.
enum Child {
  static func run(_ command: [String]) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("losskit-child-\(UUID().uuidString)")
    try Data().write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let handle = try FileHandle(forWritingTo: file)
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: try Data(contentsOf: file), as: UTF8.self))
  }
}
