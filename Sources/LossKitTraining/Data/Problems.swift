import LossKit

/// Collects the problems of a file's lines, so that one run reports all of them.
package struct Problems {
  private let name: String
  /// The first problems.
  private var found: [(line: Int, message: String)] = []
  private var count = 0
  private static let limit = 10

  /// Creates an empty collection for a file of this name.
  package init(in name: String) {
    self.name = name
  }

  /// Adds a problem; those of earlier lines come first.
  package mutating func add(line: Int, _ message: String) {
    if found.count < Self.limit { found.append((line, message)) }
    count += 1
  }

  /// Throws a `Failure` that describes the first problems and counts the rest, if there are any.
  package func throwIfAny() throws {
    guard let first = found.first else { return }
    if count == 1 { throw Failure("\(name), line \(first.line): \(first.message)") }
    let shown = found.map { "line \($0.line): \($0.message)" }
    let more = count > shown.count ? ["and \(grouped(count - shown.count)) more"] : []
    throw Failure(
      "\(name): \(counted(count, "line")) cannot be used; fix or remove them:\n  "
        + (shown + more).joined(separator: "\n  "))
  }
}
