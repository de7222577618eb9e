import LossKit

/// Collects what is wrong with the lines of a file, so that one run shows all that has to be mended.
struct Problems {
  private let name: String
  private var found: [(line: Int, message: String)] = []
  private static let limit = 10

  /// No problem yet, in a file of this name.
  init(in name: String) {
    self.name = name
  }

  /// Notes one more problem.
  mutating func add(line: Int, _ message: String) {
    found.append((line, message))
  }

  /// Throws one `Failure` that tells the first problems in full and counts the rest, if there are any.
  func throwIfAny() throws {
    guard let first = found.first else { return }
    if found.count == 1 { throw Failure("\(name), line \(first.line): \(first.message)") }
    let shown = found.sorted { $0.line < $1.line }.prefix(Self.limit).map { "line \($0.line): \($0.message)" }
    let more = found.count > shown.count ? ["and \(grouped(found.count - shown.count)) more"] : []
    throw Failure(
      "\(name): \(counted(found.count, "line")) cannot be used; mend or remove them:\n  "
        + (shown + more).joined(separator: "\n  "))
  }
}
