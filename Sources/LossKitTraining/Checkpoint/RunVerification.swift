import LossKit
import LossKitSystem

/// Checks the files of a run against their manifests and digests, and changes nothing.
public struct RunVerification: Sendable {
  /// A file or directory of the run.
  public struct Finding: Sendable, Equatable {
    /// Its name in the run's directory.
    public let name: String
    /// What is wrong with it; nil if it is whole.
    public let problem: String?
  }

  /// All that was checked, in the order of the run.
  public private(set) var findings: [Finding] = []

  /// Whether everything is whole.
  public var isWhole: Bool { findings.allSatisfy { $0.problem == nil } }

  /// Checks the run in a directory. Throws if there is none, or if another process is writing it.
  public init(of path: String) throws {
    let directory = try RunDirectory(path, for: .verification)
    let store = CheckpointStore(directory: directory)
    let names = try Files.names(in: path)
    check(RunDirectory.runFile) { _ = try RunRecord(of: directory) }
    if names.contains(RunDirectory.referenceFile) {
      check(RunDirectory.referenceFile) {
        guard ReferenceFile.isWhole(try Files.read(directory.path(of: RunDirectory.referenceFile))) else {
          throw Failure("it has changed since it was written")
        }
      }
    }
    for name in names where Trainer.isReferenceName(name) {
      check(name) { try CheckpointManifest.check(directory.path(of: name)) }
    }
    var newest: CheckpointStore.Checkpoint?
    for step in try store.steps() {
      check(Files.lastComponent(of: store.path(ofStep: step))) { newest = try store.checkpoint(ofStep: step) }
    }
    if let newest { check(RunDirectory.metricsFile) { try Self.checkMetrics(of: directory, at: newest.state) } }
    if directory.isFinished {
      check(RunDirectory.modelName) { try CheckpointManifest.check(directory.path(of: RunDirectory.modelName)) }
    }
  }

  /// Checks the lines that were in the log at a checkpoint. A run that was killed may have later ones, the last of them incomplete.
  private static func checkMetrics(of directory: RunDirectory, at state: TrainerState) throws {
    let path = directory.path(of: RunDirectory.metricsFile)
    guard Files.exists(path) else { throw Failure("it is missing") }
    let content = try Files.read(path)
    guard content.count >= state.metricsLength else {
      throw Failure("it has \(content.count) bytes, and had \(state.metricsLength) at step \(state.step)")
    }
    _ = try MetricsLog.records(in: Array(content.prefix(state.metricsLength)), name: path)
  }

  private mutating func check(_ name: String, _ body: () throws -> Void) {
    do {
      try body()
      findings.append(Finding(name: name, problem: nil))
    } catch {
      findings.append(Finding(name: name, problem: "\(error)"))
    }
  }
}
