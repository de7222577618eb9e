import LossKit
import LossKitSystem

/// The checkpoints of a run: directories `checkpoint-N` that appear whole or not at all, each with a manifest of what is in it.
struct CheckpointStore {
  let directory: RunDirectory

  /// A checkpoint of which every file is as it was written.
  struct Checkpoint {
    /// Where it lies.
    let path: String
    /// What the trainer kept in it.
    let state: TrainerState
  }

  /// The steps of which there is a checkpoint, ascending.
  func steps() throws -> [Int] {
    try Files.names(in: directory.path).compactMap { name in
      guard name.hasPrefix(Self.prefix), let step = Int(name.dropFirst(Self.prefix.count)), step >= 0 else {
        return nil
      }
      return "\(Self.prefix)\(step)" == name ? step : nil
    }.sorted()
  }

  /// Where the checkpoint of a step lies.
  func path(ofStep step: Int) -> String { directory.path(of: "\(Self.prefix)\(step)") }

  /// The newest checkpoint that is whole, nil where there is none, and what is wrong with each one after it, the newest first.
  func newest() throws -> (checkpoint: Checkpoint?, damages: [(step: Int, problem: String)]) {
    var damages: [(step: Int, problem: String)] = []
    for step in try steps().reversed() {
      let path = path(ofStep: step)
      do {
        try CheckpointManifest.check(path)
        let state = try TrainerState(path: "\(path)/\(TrainerState.fileName)")
        guard state.step == step else { throw Failure("\(TrainerState.fileName) is that of step \(state.step)") }
        return (Checkpoint(path: path, state: state), damages)
      } catch let failure as Failure {
        damages.append((step, failure.message))
      }
    }
    return (nil, damages)
  }

  /// Gives what lies in a checkpoint's place, and is none that can be used, another name: `checkpoint-N.damaged`.
  func putAside(step: Int) throws {
    let path = path(ofStep: step)
    Files.remove("\(path).damaged")
    try Files.move(path, to: "\(path).damaged")
  }

  /// Writes the checkpoint of a step with what `fill` puts into an empty directory, then removes the oldest ones beyond `limit`,
  /// if `limit` is not 0. When anything fails, the checkpoints that were there before remain as they were.
  func write(step: Int, keeping limit: Int, fill: (String) throws -> Void) throws {
    try writeDirectory(named: "\(Self.prefix)\(step)") { path in
      try fill(path)
      try CheckpointManifest.write(to: path)
    }
    guard limit > 0 else { return }
    for old in try steps().filter({ $0 != step }).dropLast(limit - 1) { Files.removeAtOnce(path(ofStep: old)) }
  }

  /// Writes a directory of the run so that it appears whole or not at all, with what `fill` puts into it.
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
