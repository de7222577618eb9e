import LossKit
import LossKitRuntime
import LossKitSystem

/// A file of reference columns: a header line that identifies them, the numbers, and a SHA-256 digest of everything before it.
enum ReferenceFile {
  /// Writes the reference columns, so that a run can be resumed without the references.
  static func write(_ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], to path: String) throws {
    guard !columns.isEmpty else { return }
    try Files.replace(path, with: bytes(data, columns: columns, origin: runOrigin))
  }

  /// Reads the reference columns for the same data. Throws if the file belongs to other data or columns, or is damaged.
  static func read(_ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], from path: String) throws {
    guard !columns.isEmpty else { return }
    do {
      try read(data, columns: columns, origin: runOrigin, from: path)
    } catch let failure as Failure {
      throw Failure("\(failure.message); start a new run")
    }
  }

  /// The content of a file.
  static func bytes(
    _ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], origin: String
  ) -> [UInt8] {
    var bytes = Array(header(data, columns: columns, origin: origin).utf8)
    for data in data {
      for column in columns {
        guard let stored = data.columns[column.column.name] else { continue }
        bytes += littleEndian(UInt64(stored.references))
        for value in stored.values { bytes += littleEndian(value.bitPattern) }
      }
    }
    return bytes + Array(SHA256Digest.hexadecimal(of: bytes).utf8)
  }

  /// Whether the content of a file ends with its digest.
  static func isWhole(_ bytes: [UInt8]) -> Bool {
    Array(SHA256Digest.hexadecimal(of: bytes.dropLast(64)).utf8) == Array(bytes.suffix(64))
  }

  /// Reads a file of the same data, columns and origin. Throws if they differ or the file is damaged, and leaves the data unchanged then.
  static func read(
    _ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], origin: String, from path: String
  ) throws {
    let bytes = try Files.read(path)
    let header = Array(header(data, columns: columns, origin: origin).utf8)
    guard bytes.starts(with: header) else {
      throw Failure("\(path): belongs to other data, references or columns, or to another version")
    }
    let content = bytes.dropLast(64)
    guard content.count >= header.count, isWhole(bytes) else { throw Failure("\(path): damaged") }
    var words = Words(bytes: content[header.count...])
    var columnValues: [(MeasuredData, Column, [Double], Int)] = []
    for data in data {
      for column in columns {
        guard let references = words.next().flatMap(Int.init(exactly:)), references <= mostReferences,
          let values = words.doubles(data.layout.count(of: column.column.extent) * references)
        else { throw Failure("\(path): damaged") }
        columnValues.append((data, column.column, values, references))
      }
    }
    guard words.bytes.isEmpty else { throw Failure("\(path): damaged") }
    for (data, column, values, references) in columnValues { data.store(column, values, references: references) }
  }

  /// The header line: identifies the data, the columns, and the origin of the numbers.
  static func header(
    _ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], origin: String
  ) -> String {
    let names = columns.map(\.column.name).joined(separator: ",")
    return "losskit-reference/2 \(names) \(origin) " + data.map(\.dataset.digest).joined(separator: " ") + "\n"
  }

  /// The origin in a run's own file; the run's record identifies its references.
  private static let runOrigin = "run"
  private static let mostReferences = 1 << 16

  private static func littleEndian(_ word: UInt64) -> [UInt8] {
    withUnsafeBytes(of: word.littleEndian) { Array($0) }
  }

  /// Reads consecutive 64-bit words.
  private struct Words {
    var bytes: ArraySlice<UInt8>

    mutating func next() -> UInt64? {
      guard bytes.count >= 8 else { return nil }
      defer { bytes = bytes.dropFirst(8) }
      return bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func doubles(_ count: Int) -> [Double]? {
      guard bytes.count / 8 >= count else { return nil }
      return (0..<count).compactMap { _ in next().map { Double(bitPattern: $0) } }
    }
  }
}
