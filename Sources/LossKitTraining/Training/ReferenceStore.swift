import Logging
import LossKit
import LossKitRuntime
import LossKitSystem

/// A directory that keeps the log-probabilities of frozen references across runs.
///
/// A file is named by a hash of everything its numbers depend on: the data, their token counts, the references' libraries and identities,
/// the columns, and the number of prompts scored at once. A reference that declares no identity is identified by its options and its
/// saved bytes. The file repeats this in its header and ends with a digest. A file that does not match its name, or is damaged, is
/// recomputed with a warning.
struct ReferenceStore {
  let directory: String
  let logger: Logger

  /// Loads the columns from the directory, or calls `compute` and stores the result.
  func fill(
    _ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], references: [PolicyInstance], batchSize: Int,
    compute: () throws -> Void
  ) throws {
    let identities = try references.map { try $0.identity() }
    let unknown = zip(references, identities).first { !$0.type.isTrainable && $1?.digest == nil }
    if let provider = unknown?.0 {
      logger.warning(
        "reference_cache: the identity of this \(provider.type.name) is unknown; its log-probabilities are not kept"
      )
      return try compute()
    }
    try Files.makeDirectory(directory)
    let origin = try origin(data, Array(zip(references, identities)), batchSize: batchSize)
    let key = SHA256Digest.hexadecimal(of: ReferenceFile.header(data, columns: columns, origin: origin).utf8)
    let path = "\(directory)/\(key).bin"
    if Files.exists(path) {
      do {
        try ReferenceFile.read(data, columns: columns, origin: origin, from: path)
        logger.info("the log-probabilities of the reference are those of \(path)")
        return
      } catch let failure as Failure {
        logger.warning("\(failure.message); computing the log-probabilities of the reference anew")
      }
    }
    try compute()
    try place(ReferenceFile.bytes(data, columns: columns, origin: origin), at: path)
  }

  /// What the numbers depend on besides the data and the columns, as one hash.
  private func origin(
    _ data: [MeasuredData], _ references: [(instance: PolicyInstance, identity: PolicyIdentity?)], batchSize: Int
  ) throws -> String {
    var digest = SHA256Digest()
    func add(_ text: String) { digest.update(Array("\(text.utf8.count) \(text)".utf8)) }
    add("\(batchSize)")
    for data in data { add("\(data.layout.tokenOffsets)") }
    for (reference, identity) in references {
      add("\(reference.type.name) \(reference.type.version) \(try reference.type.file?.digest() ?? "")")
      if let stated = identity?.digest {
        add("identity \(stated)")
        continue
      }
      for fact in identity?.facts ?? [] { add("\(fact.name)=\(fact.value)") }
      for (name, value) in reference.options.sorted(by: { $0.key < $1.key }) { add("\(name) \(value.bitPattern)") }
      try withSaved(reference) { directory in
        for name in try Files.names(in: directory) {
          add(name)
          let bytes = try Files.read("\(directory)/\(name)")
          add("\(bytes.count)")
          digest.update(bytes)
        }
      }
    }
    return digest.hexadecimal()
  }

  /// Saves a reference into a temporary directory, calls `body` with it, and removes it.
  private func withSaved(_ reference: PolicyInstance, _ body: (String) throws -> Void) throws {
    let path = partialPath("weights")
    Files.remove(path)
    defer { Files.remove(path) }
    try Files.makeDirectory(path)
    try reference.save(to: path, withOptimizer: false)
    try body(path)
  }

  /// Writes a file atomically. Concurrent runs may write the same name: each writes a separate temporary file first.
  private func place(_ bytes: [UInt8], at path: String) throws {
    let partial = partialPath(Files.lastComponent(of: path))
    do {
      try Files.write(bytes, to: partial)
      try Files.move(partial, to: path)
    } catch {
      Files.remove(partial)
      throw error
    }
    try Files.synchronize(directory)
  }

  private func partialPath(_ name: String) -> String { "\(directory)/\(Files.partialPrefix)\(getpid())-\(name)" }
}
