import ArgumentParser
import Dispatch
import LossKit
import LossKitConformance
import LossKitJSON
import LossKitRuntime
import LossKitSystem
import LossKitTraining

/// `losskit check`: the conformance tool.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Tests whether plugins meet the requirements of the plugin interface.",
    discussion: """
      Each library is opened and called in separate processes with a time limit: a crash, a hang or an exit is a \
      finding. Every test is one line; a failed test is followed by the command that repeats it. Gradients, flags and \
      everything else are tested with random columns and hyperparameters from the seed. The exit status is 0 only if no test \
      failed. A warning is not a failure: it reports what is a mistake in most losses but intended in some, such as sft, which \
      ignores the rejected response.

      TESTS
      \(allTests.map { "  \($0.name): \($0.requirement)" }.joined(separator: "\n"))

      Policies that can only be loaded from a file are not tested.

      With --json the result is an object: passed (Boolean), seed, counts (by outcome) and results, an array of objects with \
      library, kind, name, test, outcome (ok, warning, FAIL or not tested), detail, seconds (processor time) and reproduce (the \
      command that repeats a test that failed or warned, else null).
      """)

  @Argument(help: "The plugin, or a directory with plugins.", completion: .file())
  var library: String

  @Argument(help: "The loss, reward, policy or objective to test; by default all that the library offers.")
  var name: String?

  @Flag(help: "Write JSON.")
  var json = false

  @OptionGroup var options: CheckOptions
  @OptionGroup var plugins: PluginOptions

  func run() throws {
    try blaming(.usage) { try options.validateTests() }
    let (libraries, isDirectory) = try blaming(.unavailable) { try files() }
    var report = CheckReport(seed: options.seed, pluginPaths: plugins.pluginPaths)
    var reports: [LibraryReport] = []
    try LibraryChecks(try libraries.map(check)).run { library in
      reports.append(library)
      report.results += library.results
      if !json { try Console.show(report.text(library.results)) }
    }
    if isDirectory, options.tests.isEmpty || options.tests.contains(LibraryRequirement.names) {
      let names = LibraryReport.names(of: reports, named: name)
      report.results += names
      if !json { try Console.show(report.text(names)) }
    }
    if let name, !report.results.contains(where: { $0.subject.name == name && $0.subject.kind != "library" }),
      report.isPassed
    {
      throw CommandFailure(status: .unavailable, message: "\(library): offers nothing named '\(name)'")
    }
    if json { try Console.write(report.json.indented + "\n") } else { try Console.show(report.summary) }
    if !report.isPassed { throw ExitCode(ExitStatus.failure.rawValue) }
  }

  /// The libraries to test, and whether they come from a directory.
  private func files() throws -> (libraries: [String], isDirectory: Bool) {
    let status: Stat
    do throws(Errno) { status = try Stat(library) } catch { throw Failure("\(library): \(error)") }
    guard status.type == .directory else { return ([try PluginOptions.absolute(library)], false) }
    let files = try PluginLibrary.files(in: library)
    guard !files.isEmpty else { throw Failure("\(library): no plugin in this directory") }
    return (files, true)
  }

  private func check(_ library: String) throws -> LibraryCheck {
    var task = options.task(library)
    task.name = name
    let (seed, paths) = (options.seed, plugins.pluginPaths)
    guard let executable = Executable.path else {
      throw Failure("losskit: its own file cannot be found, which it starts again to open a plugin")
    }
    return LibraryCheck(task, executable: executable) { task in
      var words = [CheckWorkerCommand.name, task.library]
      if let name = task.name { words.append(name) }
      words += ["--seed", "\(seed)", "--time-limit", "\(task.timeLimit)", "--start", "\(task.start)"]
      for test in task.tests.sorted() { words += ["--test", test] }
      for subject in task.lost { words += ["--lost", "\(subject.kind):\(subject.name)"] }
      if task.isReversed { words.append("--reversed") }
      for path in paths { words += ["--plugin-path", path] }
      return words
    }
  }
}

/// The options that the tool and its workers share.
struct CheckOptions: ParsableArguments {
  @Option(help: "The seed of random columns and hyperparameters.")
  var seed: UInt64 = 1

  @Option(name: .customLong("test"), help: "Run only this test; may be repeated.")
  var tests: [String] = []

  @Option(help: ArgumentHelp("The limit of processor time per test.", valueName: "seconds"))
  var timeLimit = 10

  func validateTests() throws {
    for test in tests where !allTestNames.contains(test) {
      throw Failure(unknownNameMessage(test, kind: "test", known: allTestNames))
    }
    guard (1...100_000).contains(timeLimit) else {
      throw Failure("invalid value \(timeLimit) for --time-limit; expected from 1 to 100000 seconds")
    }
  }

  func task(_ library: String) -> Worker.Task {
    var task = Worker.Task(library: library)
    task.seed = seed
    task.tests = Set(tests)
    task.timeLimit = timeLimit
    return task
  }
}

/// The process in which `losskit check` opens a plugin.
struct CheckWorkerCommand: ParsableCommand {
  static let name = "check-worker"
  static let configuration = CommandConfiguration(
    commandName: name, abstract: "Tests one library and writes the results to file 3.", shouldDisplay: false)

  @Argument var library: String
  @Argument var name: String?
  @OptionGroup var options: CheckOptions
  @Option var start = 0
  @Option var lost: [String] = []
  @Flag var reversed = false
  @OptionGroup var plugins: PluginOptions

  func run() throws {
    var task = options.task(library)
    task.name = name
    task.start = start
    task.isReversed = reversed
    task.lost = Set(
      lost.map { text in
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        return TestSubject(kind: parts.first ?? "", name: parts.last ?? "")
      })
    var worker = Worker(task, registry: try plugins.registry())
    worker.run()
  }
}
