import LossKit

/// Collects the problems of a file's lines, so that one run reports all of them.
struct Problems {
  private let name: String
  private var found: [(line: Int, message: String)] = []
  private static let limit = 10

  /// Creates an empty collection for a file of this name.
  init(in name: String) {
    self.name = name
  }

  /// Adds a problem.
  mutating func add(line: Int, _ message: String) {
    found.append((line, message))
  }

  /// Throws a `Failure` that describes the first problems and counts the rest, if there are any.
  func throwIfAny() throws {
    guard let first = found.first else { return }
    if found.count == 1 { throw Failure("\(name), line \(first.line): \(first.message)") }
    let shown = found.sorted { $0.line < $1.line }.prefix(Self.limit).map { "line \($0.line): \($0.message)" }
    let more = found.count > shown.count ? ["and \(grouped(found.count - shown.count)) more"] : []
    throw Failure(
      "\(name): \(counted(found.count, "line")) cannot be used; fix or remove them:\n  "
        + (shown + more).joined(separator: "\n  "))
  }
}
