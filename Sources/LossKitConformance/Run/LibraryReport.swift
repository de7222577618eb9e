/// What a check of one library found.
package struct LibraryReport: Sendable {
  /// The library's path.
  package let library: String
  /// The results of its tests.
  package var results: [TestResult]
  /// What it offers, as far as it told.
  package var offers: Set<TestSubject> = []

  /// Whether each library of a directory has its names for itself: where two claim one, a host refuses it. `name`: this one alone.
  package static func names(of reports: [LibraryReport], named name: String? = nil) -> [TestResult] {
    var claims: [TestSubject: [LibraryReport]] = [:]
    for report in reports {
      for subject in report.offers where name == nil || subject.name == name {
        claims[subject.term, default: []].append(report)
      }
    }
    return reports.map { report in
      let conflicts = report.offers.filter { claims[$0.term, default: []].count > 1 }.sorted { $0.name < $1.name }
      let details = conflicts.map { subject in
        let others = claims[subject.term, default: []].map(\.library).filter { $0 != report.library }
        return "\(subject.kind) \(subject.name) is offered by \(others.map(\.fileName).joined(separator: ", ")), too"
      }
      let remedy = "; a host refuses the name until the libraries lie in directories of their own"
      return TestResult(
        library: report.library, subject: TestSubject(kind: "library", name: report.library.fileName),
        test: LibraryRequirement.names, outcome: conflicts.isEmpty ? .passed : .failed,
        detail: conflicts.isEmpty ? "" : details.joined(separator: "; ") + remedy, seconds: 0)
    }
  }
}

extension TestSubject {
  /// As hosts look it up: losses and objectives share their names.
  fileprivate var term: TestSubject { kind == "objective" ? TestSubject(kind: "loss", name: name) : self }
}

extension String {
  /// What follows the last '/'.
  var fileName: String { split(separator: "/").last.map(String.init) ?? self }
}
