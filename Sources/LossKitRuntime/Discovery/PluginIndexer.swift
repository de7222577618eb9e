import LossKit
import LossKitSystem

/// Opens libraries in separate processes to find out what they offer, so that a library that ends its process, or never
/// returns, does not harm this one.
public struct PluginIndexer: Sendable {
  /// The program to start: `losskit-index` of an installation, or a compatible one.
  public let program: String
  private let arguments: [String]

  /// Creates an indexer that starts `program` with `arguments`, followed by the paths of libraries.
  public init(program: String, arguments: [String] = []) {
    self.program = program
    self.arguments = arguments
  }

  /// The outcome of opening a library.
  enum Outcome {
    case offers(LibraryOffers)
    /// The library cannot be used; the message begins with its path.
    case refused(String)
    /// The process that opened the library ended; the message begins with the library's path.
    case died(String)

    var isBad: Bool { if case .offers = self { false } else { true } }
  }

  private static let mostLibraries = 64

  /// Opens libraries in turn, many in one process as long as none harms it. Returns nil if the program cannot be used.
  func outcomes(of paths: [String]) -> [Outcome]? {
    var outcomes: [Outcome] = []
    while outcomes.count < paths.count {
      let rest = Array(paths[outcomes.count...].prefix(Self.mostLibraries))
      guard let batch = run(rest) else { return nil }
      for (place, (path, outcome)) in zip(rest, batch.outcomes).enumerated() {
        guard let checked = place > 0 && outcome.isBad ? self.outcome(of: path) : outcome else { return nil }
        outcomes.append(checked)
      }
      guard batch.outcomes.count < rest.count else { continue }
      let path = rest[batch.outcomes.count]
      // A second try would take as long.
      let isSure = batch.outcomes.isEmpty || batch.end == Self.tooLong
      guard let last = isSure ? Self.died(path, batch.end) : self.outcome(of: path) else { return nil }
      outcomes.append(last)
    }
    return outcomes
  }

  /// Opens a library alone in a process: libraries opened before it may have caused its failure.
  private func outcome(of path: String) -> Outcome? {
    run([path]).map { $0.outcomes.first ?? Self.died(path, $0.end) }
  }

  private static func died(_ path: String, _ end: String) -> Outcome {
    .died("\(path): when it was opened, \(end); run 'losskit check \(path)'")
  }

  private static let tooLong = "it did not return within \(IndexWorker.timeLimit) s"

  /// Opens as many libraries as possible in one process, and reports how it ended; nil if it did not start.
  private func run(_ paths: [String]) -> (outcomes: [Outcome], end: String)? {
    guard let process = try? ChildProcess(executable: program, arguments: arguments + paths) else { return nil }
    var isReady = false
    var outcomes: [Outcome] = []
    var offers = LibraryOffers()
    // The process ends itself at its time limit; this is for one that blocks the signal.
    let (end, errors) = process.follow(patience: IndexWorker.timeLimit + 5) { line in
      let fields = IndexLine.fields(line[...])
      switch (fields[0], fields.count) {
      case (IndexWorker.ready, 1): isReady = true
      case (IndexWorker.opened, 1):
        outcomes.append(.offers(offers))
        offers = LibraryOffers()
      case (IndexWorker.refused, 2): outcomes.append(.refused(fields[1]))
      default: _ = offers.add(fields)
      }
    }
    guard isReady, outcomes.count <= paths.count else { return nil }
    let isTooLong = end == .silence || end == .signal(SIGALRM)
    return (outcomes, isTooLong ? Self.tooLong : end.description(errors: errors))
  }
}
