import LossKit

/// The checkpoints of a run: directories `checkpoint-N` that appear whole or not at all.
struct CheckpointStore {
  let directory: RunDirectory

  /// The steps of which there is a checkpoint, ascending.
  func steps() throws -> [Int] {
    try Files.names(in: directory.path).compactMap { name in
      name.hasPrefix(Self.prefix) ? Int(name.dropFirst(Self.prefix.count)) : nil
    }.sorted()
  }

  /// Where the checkpoint of a step lies.
  func path(ofStep step: Int) -> String { directory.path(of: "\(Self.prefix)\(step)") }

  /// Writes the checkpoint of a step with what `fill` puts into an empty directory, then removes the oldest ones beyond `limit`,
  /// if `limit` is not 0. When anything fails, the checkpoints that were there before remain as they were.
  func write(step: Int, keeping limit: Int, fill: (String) throws -> Void) throws {
    try writeDirectory(named: "\(Self.prefix)\(step)", fill: fill)
    guard limit > 0 else { return }
    for old in try steps().filter({ $0 != step }).dropLast(limit - 1) { Files.remove(path(ofStep: old)) }
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
