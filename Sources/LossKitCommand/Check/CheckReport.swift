import LossKitConformance
import LossKitJSON
import LossKitRuntime

/// The report of `losskit check`.
struct CheckReport {
  let seed: UInt64
  let pluginPaths: [String]
  var results: [TestResult] = []

  init(seed: UInt64, pluginPaths: [String]) {
    self.seed = seed
    self.pluginPaths = pluginPaths
  }

  /// Whether no test failed.
  var isPassed: Bool { count(.failed) == 0 }

  /// The lines for some results.
  func text(_ results: [TestResult]) -> String {
    let lines = results.map { result in
      [result.outcome.rawValue, "\(result.subject.kind) \(result.subject.name)", result.test, result.detail]
    }
    let aligned = alignedLines(lines).split(separator: "\n", omittingEmptySubsequences: false)
    return zip(results, aligned).map { result, line in
      isFinding(result) ? "\(line)\n      \(command(result))\n" : "\(line)\n"
    }.joined()
  }

  /// The summary line.
  var summary: String {
    let libraries = Set(results.map(\.library)).count
    let warnings = count(.warning)
    let warned = warnings == 0 ? "" : "\(warnings) warning\(warnings == 1 ? "" : "s"), "
    return
      "\(count(.passed)) passed, \(count(.failed)) failed, \(warned)\(count(.notTested)) not tested, in \(libraries) "
      + "librar\(libraries == 1 ? "y" : "ies"), seed \(seed)\n"
  }

  /// All results.
  var json: JSONValue {
    .object([
      ("passed", .bool(isPassed)), ("seed", .number(Int(clamping: seed))),
      (
        "counts",
        .object(
          [TestResult.Outcome.passed, .failed, .warning, .notTested].map { ($0.rawValue, .number(count($0))) })
      ),
      ("results", .array(results.map(json))),
    ])
  }

  private func json(_ result: TestResult) -> JSONValue {
    .object([
      ("library", .string(result.library)), ("kind", .string(result.subject.kind)),
      ("name", .string(result.subject.name)), ("test", .string(result.test)),
      ("outcome", .string(result.outcome.rawValue)), ("detail", .string(result.detail)),
      ("seconds", .number(result.seconds)),
      ("reproduce", isFinding(result) ? .string(command(result)) : .null),
    ])
  }

  private func isFinding(_ result: TestResult) -> Bool { [.failed, .warning].contains(result.outcome) }

  /// The command line that repeats a test.
  private func command(_ result: TestResult) -> String {
    // Only a check of the directory shows that a name is claimed twice.
    let directory = result.library.lastIndex(of: "/").map { String(result.library[..<$0]) } ?? "."
    let place = result.test == LibraryRequirement.names ? directory : result.library
    let name = result.subject.kind == "library" ? [] : [result.subject.name]
    let words =
      ["losskit", "check", place] + name + ["--test", result.test, "--seed", "\(seed)"]
      + pluginPaths.flatMap { ["--plugin-path", $0] }
    return shellCommand(words)
  }

  private func count(_ outcome: TestResult.Outcome) -> Int { results.count { $0.outcome == outcome } }
}
