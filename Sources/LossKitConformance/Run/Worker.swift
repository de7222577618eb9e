import LossKit
package import LossKitRuntime
import LossKitSystem

/// Tests one library in a separate process, so that a crash becomes a finding, and reports each test to its parent.
package struct Worker {
  /// The task of a worker.
  package struct Task: Sendable {
    /// The library's path.
    package var library: String
    /// Only components of this name, if given.
    package var name: String?
    /// Only these tests, if given.
    package var tests: Set<String> = []
    /// The seed of all random numbers.
    package var seed: UInt64 = 1
    /// The limit of processor time per test, in seconds.
    package var timeLimit = 10
    /// The number of the first test to run; an earlier worker ran those before.
    package var start = 0
    /// Subjects with an earlier call that did not return.
    package var lost: Set<TestSubject> = []
    /// Whether to make the calls of `repeatable` in reverse order.
    package var isReversed = false

    /// A complete check of a library.
    package init(library: String) { self.library = library }
  }

  private let task: Task
  private let registry: PluginRegistry
  private var number = 0

  /// A worker that writes its records to the file passed for that purpose. Named objectives look up their parts in
  /// `registry`.
  package init(_ task: Task, registry: PluginRegistry) {
    self.task = task
    self.registry = registry
  }

  /// Runs all requested tests. The process must exit when this returns: that is the last test.
  package mutating func run() {
    preventCoreFiles()
    PrintedBytes.$errorFile.withValue(ChildProcess.printedFile.rawValue) { test() }
  }

  private mutating func test() {
    guard let library = open() else { return }
    for subject in Self.subjects(of: library) { writeRecord(WorkerRecord.offers(subject).line) }
    let (task, registry) = (task, registry)
    for component in library.components {
      let subject = TestSubject(kind: component.kind.rawValue, name: component.name)
      // Changes by the first call only; tests of later calls do not see them.
      var firstChange: String?
      for requirement in ComponentRequirement.all {
        test(subject, requirement.name) { note in
          let before = ProcessState()
          defer {
            if requirement.name == ComponentRequirement.returns.name {
              firstChange = ProcessState().change(since: before)
            }
          }
          if requirement.name == ComponentRequirement.environment.name, let firstChange {
            throw Failure("a call changes \(firstChange)")
          }
          let tested = ComponentSubject(component, seed: task.seed, note: note)
          if requirement.name == ComponentRequirement.repeatableName {
            return .met(try tested.digest(reversed: task.isReversed))
          }
          return try requirement.verdict(on: tested)
        }
      }
    }
    for type in library.policyTypes {
      let subject = TestSubject(kind: "policy", name: type.name)
      for requirement in PolicyRequirement.all {
        test(subject, requirement.name) { note in
          try requirement.verdict(on: PolicySubject(type, seed: task.seed, note: note))
        }
      }
    }
    for objective in library.objectives {
      test(TestSubject(kind: "objective", name: objective.name), LibraryRequirement.resolves) { _ in
        try registry.open(path: task.library)
        let made = try Objective(objective.name, in: registry)
        return .met("\(objective.expression), \(made.columns.count) columns")
      }
    }
    begin(librarySubject, LibraryRequirement.exit)
  }

  // MARK: The library

  /// What a library offers.
  private static func subjects(of library: PluginLibrary) -> [TestSubject] {
    library.components.map { TestSubject(kind: $0.kind.rawValue, name: $0.name) }
      + library.policyTypes.map { TestSubject(kind: "policy", name: $0.name) }
      + library.objectives.map { TestSubject(kind: "objective", name: $0.name) }
  }

  private var librarySubject: TestSubject {
    TestSubject(kind: "library", name: task.library.fileName)
  }

  /// Opens the library, with the tests of opening it.
  private mutating func open() -> PluginLibrary? {
    let isFirst = task.start == 0
    let start = (processor: processorTime(), wall: wallTime())
    func times() -> (processor: Double, wall: Double) {
      (processorTime() - start.processor, wallTime() - start.wall)
    }
    if isFirst { begin(librarySubject, isManifest ? LibraryRequirement.manifest : LibraryRequirement.opens) }
    var result = Result<PluginLibrary, any Error>.failure(Failure("it cannot be opened"))
    let change = Result {
      try traces {
        result = Result { try PluginLibrary.open(task.library) { if isFirst { finishOpening(times()) } } }
      }
    }
    if !isFirst {
      number = Self.firstNumber
      return try? result.get()
    }
    let library: PluginLibrary
    do {
      library = try result.get()
    } catch {
      end(.failed, seconds: times().processor, "\(error)")
      return nil
    }
    if isManifest {
      end(.passed, seconds: times().processor, "")
      begin(librarySubject, LibraryRequirement.opens)
      finishOpening(times())
    }
    // A manifest may omit what its prototype declares.
    let lacking = isManifest ? "" : Self.incompleteness(library)
    end(lacking.isEmpty ? .passed : .failed, seconds: 0, lacking)
    begin(librarySubject, LibraryRequirement.environment)
    let finding: String?
    do { finding = try change.get() } catch { finding = "\(error)" }
    end(finding == nil ? .passed : .failed, seconds: 0, finding ?? "")
    number = Self.firstNumber
    return library
  }

  /// The number of the first test of a component.
  private static let firstNumber = 4

  private var isManifest: Bool { task.library.hasSuffix(PluginLibrary.manifestSuffix) }

  /// The library has reported what it offers; nothing was read yet.
  private mutating func finishOpening(_ times: (processor: Double, wall: Double)) {
    let (processor, wall) = (times.processor * 1000, times.wall * 1000)
    let text = "\(processor.short) ms of processor time, \(wall.short) ms by the clock"
    // A busy machine delays the clock, but not by more than a second.
    let isFast = processor < 100 && wall < 1000
    end(isFast ? .passed : .failed, seconds: times.processor, isFast ? text : "\(text); the limits are 100 and 1000")
    begin(librarySubject, LibraryRequirement.descriptor)
  }

  /// What a valid description lacks for its users; empty if nothing.
  private static func incompleteness(_ library: PluginLibrary) -> String {
    let parts =
      library.components.map { ("\($0.kind) \($0.name)", $0.version, $0.summary, $0.parameters) }
      + library.policyTypes.map { ("policy \($0.name)", $0.version, $0.summary, $0.parameters) }
      + library.objectives.map { ("objective \($0.name)", $0.version, $0.summary, []) }
    for (name, version, summary, parameters) in parts {
      if version.isEmpty { return "\(name): its version is empty" }
      if summary.isEmpty { return "\(name): its summary is empty" }
      if let parameter = parameters.first(where: \.summary.isEmpty) {
        return "\(name): the summary of its hyperparameter '\(parameter.name)' is empty"
      }
    }
    return ""
  }

  // MARK: Tests

  private mutating func test(
    _ subject: TestSubject, _ name: String, _ body: (@escaping (String) -> Void) throws -> Verdict
  ) {
    guard number >= task.start, task.tests.isEmpty || task.tests.contains(name),
      task.name == nil || task.name == subject.name
    else {
      number += 1
      return
    }
    begin(subject, name)
    guard !task.lost.contains(subject) else {
      return end(.notTested, seconds: 0, "an earlier call did not return")
    }
    let mode = ArithmeticMode()
    let start = processorTime()
    let result = Result { try body { writeRecord(WorkerRecord.note($0).line) } }
    mode.restore()
    let seconds = processorTime() - start
    switch result {
    case .success(.met(let detail)): end(.passed, seconds: seconds, detail)
    case .success(.warning(let finding)): end(.warning, seconds: seconds, finding)
    case .success(.notTested(let reason)): end(.notTested, seconds: seconds, reason)
    case .failure(let error): end(.failed, seconds: seconds, "\(error)")
    }
  }

  private mutating func begin(_ subject: TestSubject, _ name: String) {
    Self.limitProcessorTime(seconds: task.timeLimit)
    writeRecord(WorkerRecord.begin(number: number, subject: subject, test: name).line)
    number += 1
  }

  private func end(_ outcome: TestResult.Outcome, seconds: Double, _ detail: String) {
    writeRecord(WorkerRecord.end(outcome, seconds: seconds, detail: detail).line)
  }

  // MARK: Limits

  /// Makes the system end the process after that much more processor time.
  private static func limitProcessorTime(seconds: Int) {
    var limit = limit(of: Resource.processorTime)
    limit.rlim_cur = min(limit.rlim_max, rlim_t(processorTime().rounded(.up)) + rlim_t(seconds))
    setLimit(limit, of: Resource.processorTime)
  }
}

/// The processor time of the process, in seconds.
private func processorTime() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

/// The time by the clock, in seconds.
private func wallTime() -> Double { seconds(CLOCK_MONOTONIC) }

private func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
