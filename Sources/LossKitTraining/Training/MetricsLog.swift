import LossKit
import LossKitJSON
import LossKitSystem

/// The append-only file `metrics.jsonl` of a run: one JSON object per logged step.
public final class MetricsLog {
  private let path: String
  private let file: FileDescriptor

  /// Opens the log and truncates it to `length` bytes: a resumed run drops the lines after its checkpoint.
  init(path: String, length: Int = 0) throws {
    self.path = path
    file = try Files.naming(path, "cannot be written") {
      try FileDescriptor.open(
        path, .writeOnly, options: [.create, .append, .closeOnExec], permissions: FilePermissions(rawValue: 0o666))
    }
    guard try self.length() >= length else {
      throw Failure("\(path): shorter than when the checkpoint was written; put the file back, or start a new run")
    }
    try Files.naming(path, "cannot be cut") { try file.resize(to: Int64(length)) }
  }

  deinit { try? file.close() }

  func append(_ record: MetricsRecord) throws {
    try Files.write(Array((record.line + "\n").utf8), to: file, name: path)
  }

  /// Waits until all lines are on disk and returns the length in bytes.
  func synchronizedLength() throws -> Int {
    try Files.naming(path, "cannot be written") { try file.synchronize() }
    return try length()
  }

  private func length() throws -> Int {
    try Files.naming(path, "cannot be read") { Int(try Stat(file).size) }
  }

  /// Reads the records of a log, metrics sorted by name, without those that were not finite. Throws if the file cannot be read or is not
  /// a metrics log.
  public static func read(_ path: String) throws -> [MetricsRecord] {
    try records(in: Files.read(path), name: path)
  }

  /// Returns the records of the content of a log.
  static func records(in content: [UInt8], name path: String) throws -> [MetricsRecord] {
    try JSONLines.lines(in: content, name: path).map { line in
      guard let members = line.value.object, let step = members["step"]?.integer,
        let epoch = members["epoch"]?.double
      else { throw Failure("\(path), line \(line.number): not a line of metrics; it lacks step or epoch") }
      let metrics = members.members.filter { $0.key != "step" && $0.key != "epoch" }.sorted { $0.key < $1.key }
      return MetricsRecord(
        step: step, epoch: epoch,
        metrics: metrics.compactMap { member in member.value.double.map { MetricsRecord.Metric(member.key, $0) } })
    }
  }
}
