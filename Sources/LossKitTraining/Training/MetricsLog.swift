import LossKit
import LossKitJSON
import LossKitSystem

/// The file `metrics.jsonl` of a run: one JSON object per logged step, only ever appended to.
public final class MetricsLog {
  private let path: String
  private let descriptor: Int32

  /// Opens the log, cut to its first `length` bytes: a run that resumes drops the lines after its checkpoint.
  init(path: String, length: Int = 0) throws {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Files.failure(path, "cannot be written") }
    guard try self.length() >= length else {
      throw Failure("\(path): shorter than when the checkpoint was written; put the file back, or start a new run")
    }
    guard ftruncate(descriptor, off_t(length)) == 0 else { throw Files.failure(path, "cannot be cut") }
  }

  deinit { close(descriptor) }

  func append(_ record: MetricsRecord) throws {
    try Files.write(Array((record.line + "\n").utf8), to: descriptor, name: path)
  }

  /// How many bytes there are, once all of them are on the disk.
  func synchronizedLength() throws -> Int {
    guard fsync(descriptor) == 0 else { throw Files.failure(path, "cannot be written") }
    return try length()
  }

  private func length() throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Files.failure(path, "cannot be read") }
    return Int(status.st_size)
  }

  /// The records of a log. Throws where the file cannot be read or is no such log. The metrics come in the order of their names,
  /// those that were not finite are left out.
  public static func read(_ path: String) throws -> [MetricsRecord] {
    try JSONLines.read(path: path).map { line in
      guard case .object(let members) = line.value, case .number(let step)? = members["step"],
        case .number(let epoch)? = members["epoch"], let step = Int(exactly: step)
      else { throw Failure("\(path), line \(line.number): no line of metrics; it lacks step or epoch") }
      let metrics = members.members.filter { $0.key != "step" && $0.key != "epoch" }.sorted { $0.key < $1.key }
      return MetricsRecord(
        step: step, epoch: epoch,
        metrics: metrics.compactMap { member in
          if case .number(let number) = member.value { MetricsRecord.Metric(member.key, number) } else { nil }
        })
    }
  }
}
