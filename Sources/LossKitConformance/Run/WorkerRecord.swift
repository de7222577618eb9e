/// A record that a worker process sends to its parent, one line each.
enum WorkerRecord: Equatable {
  /// The library offers this.
  case offers(TestSubject)
  /// A test begins; the number counts all tests of the library.
  case begin(number: Int, subject: TestSubject, test: String)
  /// What the test is trying.
  case note(String)
  /// The test that began has ended.
  case end(TestResult.Outcome, seconds: Double, detail: String)

  /// The line, with its line break.
  var line: String {
    let fields =
      switch self {
      case .offers(let subject): ["offers", subject.kind, subject.name]
      case .begin(let number, let subject, let test): ["begin", "\(number)", subject.kind, subject.name, test]
      case .note(let text): ["note", text]
      case .end(let outcome, let seconds, let detail): ["end", outcome.rawValue, "\(seconds)", detail]
      }
    return fields.map(Self.clean).joined(separator: "\t") + "\n"
  }

  /// A text without field and line separators.
  private static func clean(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { scalars.append(scalar.value < 0x20 ? " " : scalar) }
    return String(scalars)
  }

  /// Reads a line; nil if it is not a record.
  init?(line: String) {
    let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    switch (fields[0], fields.count) {
    case ("offers", 3): self = .offers(TestSubject(kind: fields[1], name: fields[2]))
    case ("begin", 5):
      guard let number = Int(fields[1]) else { return nil }
      self = .begin(number: number, subject: TestSubject(kind: fields[2], name: fields[3]), test: fields[4])
    case ("note", 2): self = .note(fields[1])
    case ("end", 4):
      guard let outcome = TestResult.Outcome(rawValue: fields[1]), let seconds = Double(fields[2]) else { return nil }
      self = .end(outcome, seconds: seconds, detail: fields[3])
    default: return nil
    }
  }
}
