/// The subject of a conformance test.
package struct TestSubject: Sendable, Hashable {
  /// `library`, or the kind of a component that the library offers.
  package let kind: String
  /// Its name; the library's file name for `library`.
  package let name: String

  package init(kind: String, name: String) {
    self.kind = kind
    self.name = name
  }
}

/// The result of one test.
package struct TestResult: Sendable {
  /// How a test ended.
  package enum Outcome: String, Sendable {
    case passed = "ok"
    case failed = "FAIL"
    case warning = "warning"
    case notTested = "not tested"
  }

  /// The library's path.
  package let library: String
  /// The subject of the test.
  package let subject: TestSubject
  /// The name of the requirement.
  package let test: String
  /// How the test ended.
  package var outcome: Outcome
  /// What was measured, what is wrong, or why nothing was tested.
  package var detail: String
  /// Processor time of the test, in seconds.
  package let seconds: Double
}

/// The requirements on libraries, and on subjects without calls.
package enum LibraryRequirement {
  package static let symbols = "symbols"
  package static let manifest = "manifest"
  package static let opens = "opens"
  package static let descriptor = "descriptor"
  package static let environment = "environment"
  package static let names = "names"
  package static let resolves = "resolves"
  package static let exit = "exit"

  /// The names and requirements, in the order of reports.
  package static let all: [(name: String, summary: String)] = [
    (symbols, "the library exports its entry function and nothing else, inline functions of C++ aside"),
    (manifest, "instead of symbols: the manifest can be read, and its functions are found"),
    (opens, "it opens and describes itself in less than 100 ms of processor time"),
    (environment, "opening it prints nothing and leaves the process unchanged"),
    (descriptor, "the description is complete, names are legal, defaults are within bounds"),
    (names, "in a directory: no other library offers a component of the same kind and name"),
    (resolves, "the parts of a named objective are found, and their settings are valid"),
    (exit, "a process that used it exits normally"),
  ]
}

/// The distinct names of all tests, in the order of reports.
package var allTestNames: [String] { allTests.map(\.name) }

/// All tests with their requirements, each name once.
package var allTests: [(name: String, requirement: String)] {
  let all =
    LibraryRequirement.all.map { (name: $0.name, requirement: $0.summary) }
    + ComponentRequirement.all.map { (name: $0.name, requirement: $0.summary) }
    + PolicyRequirement.all.map { (name: $0.name, requirement: $0.summary) }
  var seen: Set<String> = []
  return all.filter { seen.insert($0.name).inserted }
}
