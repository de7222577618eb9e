import LossKit
import LossKitSystem

/// The checkpoints of a run: directories `checkpoint-N`, each written atomically and with a manifest of its files.
struct CheckpointStore {
  let directory: RunDirectory

  /// A checkpoint that matches its manifest.
  struct Checkpoint {
    /// Its directory.
    let path: String
    /// The trainer's state at its step.
    let state: TrainerState
  }

  /// The steps that have a checkpoint, ascending.
  func steps() throws -> [Int] {
    try Files.names(in: directory.path).compactMap { name in
      guard name.hasPrefix(Self.prefix), let step = Int(name.dropFirst(Self.prefix.count)), step >= 0 else {
        return nil
      }
      return "\(Self.prefix)\(step)" == name ? step : nil
    }.sorted()
  }

  /// The path of the checkpoint of a step.
  func path(ofStep step: Int) -> String { directory.path(of: "\(Self.prefix)\(step)") }

  /// Returns the newest valid checkpoint, or nil, and the problem of each newer one, newest first.
  func newest() throws -> (checkpoint: Checkpoint?, damages: [(step: Int, problem: String)]) {
    var damages: [(step: Int, problem: String)] = []
    for step in try steps().reversed() {
      do {
        return (try checkpoint(ofStep: step), damages)
      } catch let failure as Failure {
        damages.append((step, failure.message))
      }
    }
    return (nil, damages)
  }

  /// Returns the checkpoint of a step; throws its problem if it is not valid.
  func checkpoint(ofStep step: Int) throws -> Checkpoint {
    let path = path(ofStep: step)
    try CheckpointManifest.check(path)
    let state = try TrainerState(path: "\(path)/\(TrainerState.fileName)")
    guard state.step == step else { throw Failure("\(TrainerState.fileName) is that of step \(state.step)") }
    return Checkpoint(path: path, state: state)
  }

  /// Renames a damaged checkpoint to `checkpoint-N.damaged`.
  func putAside(step: Int) throws {
    let path = path(ofStep: step)
    Files.remove("\(path).damaged")
    try Files.move(path, to: "\(path).damaged")
  }

  /// Writes the checkpoint of a step, whose files `fill` puts into an empty directory, then removes the oldest checkpoints beyond `limit`
  /// (0 keeps all). If anything fails, earlier checkpoints are unchanged.
  func write(step: Int, keeping limit: Int, fill: (String) throws -> Void) throws {
    try writeDirectory(named: "\(Self.prefix)\(step)") { path in
      try fill(path)
      try CheckpointManifest.write(to: path)
    }
    guard limit > 0 else { return }
    for old in try steps().filter({ $0 != step }).dropLast(limit - 1) { Files.removeAtOnce(path(ofStep: old)) }
  }

  /// Writes a directory of the run atomically; `fill` writes its files.
  func writeDirectory(named name: String, fill: (String) throws -> Void) throws {
    let partial = directory.path(of: Files.partialPrefix + name)
    Files.remove(partial)
    do {
      try Files.makeDirectory(partial)
      try fill(partial)
      try Files.synchronize(partial, recursively: true)
      try Files.move(partial, to: directory.path(of: name))
    } catch {
      Files.remove(partial)
      throw error
    }
    try Files.synchronize(directory.path)
  }

  private static let prefix = "checkpoint-"
}
