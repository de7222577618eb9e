import LossKit
import LossKitRuntime
import LossKitSystem

/// Tests a library from outside, in as many worker processes as it takes.
package struct LibraryCheck: Sendable {
  /// Makes the arguments of a worker's command line.
  package typealias Arguments = @Sendable (Worker.Task) -> [String]

  private let task: Worker.Task
  private let executable: String
  private let arguments: Arguments

  /// A check whose workers run `executable`, which must make a `Worker` from its arguments.
  package init(_ task: Worker.Task, executable: String, arguments: @escaping Arguments) {
    self.task = task
    self.executable = executable
    self.arguments = arguments
  }

  /// Runs all tests. Throws if no worker can be started; violations are among the results.
  package func run() throws -> LibraryReport {
    var report = LibraryReport(library: task.library, results: symbols())
    var task = task
    var lastDigest = ContinuousClock.now
    while let next = try follow(task, &report, &lastDigest) { task = next }
    try compareWithSecondProcess(&report.results, earliest: lastDigest.advanced(by: .milliseconds(1100)))
    report.results.removeAll { task.name != nil && $0.subject.kind != "library" && $0.subject.name != task.name }
    return report
  }

  private var librarySubject: TestSubject {
    TestSubject(kind: "library", name: task.library.fileName)
  }

  private func isWanted(_ test: String) -> Bool { task.tests.isEmpty || task.tests.contains(test) }

  /// Tests the exported symbols, without opening the file.
  private func symbols() -> [TestResult] {
    guard isWanted(LibraryRequirement.symbols), !task.library.hasSuffix(PluginLibrary.manifestSuffix) else { return [] }
    func result(_ outcome: TestResult.Outcome, _ detail: String) -> [TestResult] {
      [
        TestResult(
          library: task.library, subject: librarySubject, test: LibraryRequirement.symbols, outcome: outcome,
          detail: detail,
          seconds: 0)
      ]
    }
    #if os(Linux)
      do {
        // Older linkers export the boundaries of a library's segments.
        let own = Set(try PluginLibrary.exportedSymbols(of: task.library))
          .subtracting(["_init", "_fini", "__bss_start", "_edata", "_end"])
        let others = own.subtracting([PluginLibrary.entrySymbol]).sorted()
        guard own.contains(PluginLibrary.entrySymbol) else {
          return result(.failed, "it does not export \(PluginLibrary.entrySymbol)")
        }
        guard let first = others.first else { return result(.passed, PluginLibrary.entrySymbol) }
        return result(
          .failed,
          "it also exports \(first)\(others.count > 1 ? " and \(others.count - 1) more" : ""); make it static, or compile "
            + "with -fvisibility=hidden")
      } catch {
        return result(.failed, "\(error)")
      }
    #else
      return result(.notTested, "the symbols of this system's libraries are not read")
    #endif
  }

  /// Follows one worker. Returns the task of the next one if this one did not finish.
  private func follow(
    _ task: Worker.Task, _ report: inout LibraryReport, _ lastDigest: inout ContinuousClock.Instant
  ) throws -> Worker.Task? {
    let worker = try ChildProcess(executable: executable, arguments: arguments(task), takesPrinted: true)
    var running: (number: Int, subject: TestSubject, test: String, note: String)?
    var lastNumber = task.start - 1
    var ended: [TestResult] = []
    let (end, errors) = worker.follow(patience: task.timeLimit * 6) { line in
      switch WorkerRecord(line: line) {
      case nil: break
      case .offers(let subject): report.offers.insert(subject)
      case .begin(let number, let subject, let test):
        running = (number, subject, test, "")
        lastNumber = number
      case .note(let text): running?.note = text
      case .end(let outcome, let seconds, let detail):
        guard let test = running else { return }
        ended.append(result(test.subject, test.test, outcome, detail, seconds: seconds))
        if test.test == ComponentRequirement.repeatableName { lastDigest = .now }
        running = nil
      }
    }
    // A library that cannot be opened is reported whatever tests were selected.
    report.results += ended.filter { isWanted($0.test) || ($0.subject.kind == "library" && $0.outcome == .failed) }
    guard let running else { return next(after: task, ended, lastNumber, describe(end, errors), &report.results) }
    if running.test == LibraryRequirement.exit, end == .exit(status: 0) {
      if isWanted(running.test) { report.results.append(result(running.subject, running.test, .passed, "")) }
      return nil
    }
    let note = running.note.isEmpty ? "" : "; it was at \(running.note)"
    report.results.append(result(running.subject, running.test, .failed, describe(end, errors) + note))
    if running.subject.kind == "library" { return nil }
    var next = task
    next.start = running.number + 1
    let isFirst = [ComponentRequirement.all[0].name, PolicyRequirement.all[0].name].contains(running.test)
    let isLost = isFirst || end == .silence || end == .signal(SIGXCPU)
    if isLost { next.lost.insert(running.subject) }
    return next
  }

  /// The task after a worker ended between two tests; nil if the library could not be opened.
  private func next(
    after task: Worker.Task, _ ended: [TestResult], _ lastNumber: Int, _ description: String,
    _ results: inout [TestResult]
  ) -> Worker.Task? {
    if ended.contains(where: { $0.subject.kind == "library" && $0.outcome == .failed }) { return nil }
    results.append(result(librarySubject, LibraryRequirement.exit, .failed, "\(description), between two tests"))
    guard lastNumber >= task.start else { return nil }
    var next = task
    next.start = lastNumber + 1
    return next
  }

  private func result(
    _ subject: TestSubject, _ test: String, _ outcome: TestResult.Outcome, _ detail: String, seconds: Double = 0
  ) -> TestResult {
    TestResult(
      library: task.library, subject: subject, test: test, outcome: outcome, detail: detail, seconds: seconds)
  }

  /// Makes the calls of `repeatable` in another process, and turns the two digests into a verdict.
  private func compareWithSecondProcess(_ results: inout [TestResult], earliest: ContinuousClock.Instant) throws {
    let name = ComponentRequirement.repeatableName
    guard results.contains(where: { $0.test == name && $0.outcome == .passed }) else { return }
    var again = task
    again.tests = [name]
    again.isReversed = true
    var others = LibraryReport(library: task.library, results: [])
    let wait = ContinuousClock.now.duration(to: earliest).components
    if wait.seconds >= 0, wait.attoseconds > 0 {
      usleep(useconds_t(wait.seconds * 1_000_000 + wait.attoseconds / 1_000_000_000_000))
    }
    let check = LibraryCheck(again, executable: executable, arguments: arguments)
    var next: Worker.Task? = again
    var lastDigest = earliest
    while let task = next { next = try check.follow(task, &others, &lastDigest) }
    for index in results.indices where results[index].test == name && results[index].outcome == .passed {
      let other = others.results.first { $0.test == name && $0.subject == results[index].subject }
      if other?.outcome == .passed, other?.detail == results[index].detail {
        results[index].detail = ""
      } else {
        results[index].outcome = .failed
        results[index].detail =
          other?.outcome == .failed
          ? "in another process: \(other?.detail ?? "")"
          : "another process gave other bits for the same calls, a second later and in another order"
      }
    }
  }

  /// Describes how a worker ended before it was done.
  private func describe(_ end: ChildProcess.End, _ errors: String) -> String {
    switch end {
    case .signal(SIGXCPU), .signal(SIGKILL): "it took more than \(task.timeLimit) s of processor time"
    case .silence: "\(end.description(errors: errors)) within \(task.timeLimit * 6) s"
    default: end.description(errors: errors)
    }
  }
}
