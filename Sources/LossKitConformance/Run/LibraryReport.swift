/// The findings of a check of one library.
package struct LibraryReport: Sendable {
  /// The library's path.
  package let library: String
  /// The results of its tests.
  package var results: [TestResult]
  /// What it offers, as far as it reported.
  package var offers: Set<TestSubject> = []

  /// Whether the names of each library in a directory are unique; a host rejects a name that two libraries claim. `name`: this one only.
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
        return "\(subject.kind) \(subject.name) is also offered by \(others.map(\.fileName).joined(separator: ", "))"
      }
      let remedy = "; a host rejects the name until the libraries are in different directories"
      return TestResult(
        library: report.library, subject: TestSubject(kind: "library", name: report.library.fileName),
        test: LibraryRequirement.names, outcome: conflicts.isEmpty ? .passed : .failed,
        detail: conflicts.isEmpty ? "" : details.joined(separator: "; ") + remedy, seconds: 0)
    }
  }
}

extension TestSubject {
  /// The subject as hosts look it up: losses and objectives share a namespace.
  fileprivate var term: TestSubject { kind == "objective" ? TestSubject(kind: "loss", name: name) : self }
}

extension String {
  /// The text after the last '/'.
  var fileName: String { split(separator: "/").last.map(String.init) ?? self }
}
