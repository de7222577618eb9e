import LossKit
import LossKitRuntime

/// The log-probabilities of the frozen references over all data: computed once, and kept with the run.
enum ReferenceCache {
  /// Computes the columns of the references for all data, `batchSize` prompts at a time, and stores them there.
  static func fill(
    _ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], references: [PolicyInstance], batchSize: Int
  ) throws {
    guard !columns.isEmpty else { return }
    for data in data {
      var values = columns.map { column in
        [Double](repeating: 0, count: data.layout.count(of: column.column.extent) * references.count)
      }
      for examples in chunks(of: Array(data.dataset.examples.indices), size: batchSize) {
        let batch = data.batch(examples)
        for (reference, policy) in references.enumerated() {
          let supplied = try batch.forward(policy, columns: columns.map(\.supplied))
          for (place, column) in columns.enumerated() {
            guard let part = supplied[column.supplied.name] else { continue }
            batch.layout.copy(
              part, to: &values[place], in: data.layout, extent: column.column.extent,
              prompts: batch.examples.enumerated().lazy.map { ($0.offset, $0.element) }, otherReference: reference)
          }
        }
      }
      for (column, values) in zip(columns, values) { data.store(column.column, values, references: references.count) }
    }
  }

  /// Writes the columns of the references, so that a run that resumes need not have the references.
  static func write(_ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], to path: String) throws {
    guard !columns.isEmpty else { return }
    var bytes = Array((header(data, columns: columns) + "\n").utf8)
    for data in data {
      for column in columns {
        guard let stored = data.columns[column.column.name] else { continue }
        bytes += littleEndian(UInt64(stored.references))
        for value in stored.values { bytes += littleEndian(value.bitPattern) }
      }
    }
    try Files.replace(path, with: bytes)
  }

  /// Reads the columns of the references for the same data. Throws where the file belongs to other data or columns, or is damaged.
  static func read(_ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], from path: String) throws {
    guard !columns.isEmpty else { return }
    let bytes = try Files.read(path)
    let header = Array((header(data, columns: columns) + "\n").utf8)
    guard bytes.starts(with: header) else {
      throw Failure("\(path): belongs to other data or another objective; start a new run")
    }
    var words = Words(bytes: bytes[header.count...])
    for data in data {
      for column in columns {
        guard let references = words.next().flatMap(Int.init(exactly:)), references <= Self.mostReferences,
          let values = words.doubles(data.layout.count(of: column.column.extent) * references)
        else { throw Failure("\(path): damaged; start a new run") }
        data.store(column.column, values, references: references)
      }
    }
    guard words.bytes.isEmpty else { throw Failure("\(path): damaged; start a new run") }
  }

  private static let mostReferences = 1 << 16

  private static func header(_ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn]) -> String {
    let names = columns.map(\.column.name).joined(separator: ",")
    return "losskit-reference/1 \(names) " + data.map(\.dataset.digest).joined(separator: " ")
  }

  private static func littleEndian(_ word: UInt64) -> [UInt8] {
    withUnsafeBytes(of: word.littleEndian) { Array($0) }
  }

  /// Reads 64-bit words one after the other.
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
