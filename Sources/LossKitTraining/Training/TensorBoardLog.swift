import LossKit
import LossKitSystem

/// A run's metrics as an event file that TensorBoard opens: records of `tensorflow.Event` messages, each with checksums.
final class TensorBoardLog {
  /// The file's name begins like those that TensorBoard looks for.
  static let prefix = "events.out.tfevents."
  private let path: String
  private let file: FileDescriptor

  /// Creates a file in a run's directory; a resumed run gets a further one, and TensorBoard reads them in order.
  init(in directory: String) throws {
    let clock = TensorBoardLog.now
    path = "\(directory)/\(Self.prefix)\(UInt64(clock * 1000)).losskit"
    file = try Files.naming(path, "cannot be written") { [path] in
      try FileDescriptor.open(
        path, .writeOnly, options: [.create, .append, .closeOnExec], permissions: FilePermissions(rawValue: 0o666))
    }
    try append(Event(time: clock, step: 0).version("brain.Event:2"))
  }

  deinit { try? file.close() }

  /// Writes the metrics of a step; those that are not finite, too.
  func append(_ record: MetricsRecord) throws {
    try append(Event(time: Self.now, step: record.step).scalars(record.metrics.map { (Self.tag($0.name), $0.value) }))
  }

  /// The names of Hugging Face's trainers, which group metrics by what is before the slash.
  private static func tag(_ name: String) -> String {
    name.hasPrefix(MetricsRecord.evaluationPrefix)
      ? "eval/\(name.dropFirst(MetricsRecord.evaluationPrefix.count))" : "train/\(name)"
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private func append(_ event: [UInt8]) throws {
    let length = Self.bytes(UInt64(event.count))
    let record = length + Self.checksum(length) + event + Self.checksum(event)
    try Files.write(record, to: file, name: path)
  }

  /// The masked CRC-32C of a record's part.
  private static func checksum(_ part: [UInt8]) -> [UInt8] {
    var crc = ~UInt32(0)
    for byte in part {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }
    crc = ~crc
    return bytes((crc >> 15 | crc << 17) &+ 0xA282_EAD8)
  }

  fileprivate static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
}

/// A `tensorflow.Event` in the encoding of protocol buffers.
private struct Event {
  private let head: [UInt8]

  init(time: Double, step: Int) {
    head =
      Self.key(1, .fixed64) + TensorBoardLog.bytes(time.bitPattern) + Self.key(2, .varint) + Self.varint(UInt64(step))
  }

  /// The first event of a file.
  func version(_ text: String) -> [UInt8] { head + Self.field(3, Array(text.utf8)) }

  /// Scalars, each a `Summary.Value` with a tag and a float.
  func scalars(_ values: [(tag: String, value: Double)]) -> [UInt8] {
    let summary = values.flatMap { tag, value in
      Self.field(
        1, Self.field(1, Array(tag.utf8)) + Self.key(2, .fixed32) + TensorBoardLog.bytes(Float(value).bitPattern))
    }
    return head + Self.field(5, summary)
  }

  private enum WireType: UInt64 { case varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5 }

  private static func key(_ field: UInt64, _ type: WireType) -> [UInt8] { varint(field << 3 | type.rawValue) }

  private static func field(_ number: UInt64, _ content: [UInt8]) -> [UInt8] {
    key(number, .delimited) + varint(UInt64(content.count)) + content
  }

  private static func varint(_ number: UInt64) -> [UInt8] {
    var rest = number, bytes: [UInt8] = []
    while rest > 0x7F {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}
