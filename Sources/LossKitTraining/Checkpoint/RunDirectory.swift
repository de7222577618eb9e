import LossKit
import LossKitSystem

/// The directory of one run, locked for the lifetime of this object so that no other run writes to it.
public final class RunDirectory {
  /// How a run opens the directory.
  public enum Purpose: Sendable {
    /// A new run: the directory must be empty or not exist.
    case newRun
    /// The continuation of an interrupted run.
    case resumption
    /// Checking the files of a run, which are left as they are.
    case verification
  }

  /// The path.
  public let path: String
  /// The purpose it was opened for.
  public let purpose: Purpose
  private let lock: FileDescriptor

  /// Makes or opens the directory and locks it. Throws if another process uses it, if it is not writable, if it is not empty for a new
  /// run, and if it holds no run to resume or verify.
  public init(_ path: String, for purpose: Purpose) throws {
    if purpose != .newRun, !Files.exists("\(path)/\(Self.runFile)") {
      throw Failure(
        purpose == .resumption
          ? "\(path): there is no run to resume here; name the output directory of a run that stopped"
          : "\(path): there is no run to verify here; name the output directory of a run")
    }
    if Files.exists(path), !Files.isDirectory(path) {
      throw Failure("\(path): not a directory; name a directory for the output")
    }
    if purpose != .verification { try Files.makeDirectory(path) }
    self.path = path
    self.purpose = purpose
    lock = try purpose == .verification ? Self.lockForReading(path) : Self.lock(path)
    // If this throws, `deinit` closes the lock: closing it here too could close a descriptor that another thread just opened.
    try inspect()
  }

  deinit { try? lock.close() }

  /// Whether the run is complete: its final model exists.
  var isFinished: Bool { Files.exists(path(of: Self.modelName)) }

  /// The path of a file or directory of the run.
  func path(of name: String) -> String { "\(path)/\(name)" }

  /// The record of what determines the run; see `RunRecord`.
  static let runFile = "run.json"
  /// The metrics, one line per logged step.
  static let metricsFile = "metrics.jsonl"
  /// The references' log-probabilities.
  static let referenceFile = "reference.bin"
  /// The final model.
  static let modelName = "model"
  private static let lockFile = ".lock"

  private func inspect() throws {
    let names = try Files.names(in: path).filter { $0 != Self.lockFile }
    let leftovers = names.filter { $0.hasPrefix(Files.partialPrefix) }
    switch purpose {
    case .newRun where names.contains(Self.runFile):
      throw Failure("\(path): holds an earlier run; name another output directory, or resume that run")
    // A run that ends while it writes its record leaves part of that, which is nobody's.
    case .newRun where names != leftovers:
      throw Failure("\(path): is not empty; name a new or empty output directory")
    case .newRun, .resumption: for name in leftovers { Files.remove(self.path(of: name)) }
    case .verification: break
    }
  }

  private static func lock(_ path: String) throws -> FileDescriptor {
    let file = try Files.naming(path, "cannot be written to") {
      try FileDescriptor.open(
        "\(path)/\(lockFile)", .readWrite, options: [.create, .closeOnExec],
        permissions: FilePermissions(rawValue: 0o666))
    }
    return try lock(file, LOCK_EX, path)
  }

  /// Locks the directory against runs, and writes nothing: a copy may be read-only, or lack the lock file.
  private static func lockForReading(_ path: String) throws -> FileDescriptor {
    let name = Files.exists("\(path)/\(lockFile)") ? lockFile : runFile
    let file = try Files.naming(path, "cannot be read") {
      try FileDescriptor.open("\(path)/\(name)", .readOnly, options: .closeOnExec)
    }
    return try lock(file, LOCK_SH, path)
  }

  private static func lock(_ file: FileDescriptor, _ kind: Int32, _ path: String) throws -> FileDescriptor {
    do throws(Errno) {
      _ = try checked { flock(file.rawValue, kind | LOCK_NB) }
    } catch {
      try? file.close()
      guard error == .wouldBlock else { throw Files.failure(path, "cannot be locked", error) }
      throw Failure("\(path): output directory in use by another run; wait for it, or name another directory")
    }
    return file
  }
}
