import Logging
import LossKit
import LossKitRuntime

/// The log-probabilities of frozen references over all data, computed once for all runs that share them.
enum ReferenceCache {
  /// Loads the reference columns for all data from a store, or computes them, `batchSize` prompts at a time.
  static func fill(
    _ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], references: [PolicyInstance], batchSize: Int,
    store: ReferenceStore?, watch: Watch, logger: Logger
  ) throws {
    guard !columns.isEmpty else { return }
    func computeAll() throws {
      logger.info("computing the log-probabilities of the reference")
      try compute(data, columns: columns, references: references, batchSize: batchSize, watch: watch)
    }
    guard let store else { return try computeAll() }
    try store.fill(data, columns: columns, references: references, batchSize: batchSize, compute: computeAll)
  }

  private static func compute(
    _ data: [MeasuredData], columns: [ColumnSources.SuppliedColumn], references: [PolicyInstance], batchSize: Int,
    watch: Watch
  ) throws {
    for data in data {
      var values = columns.map { column in
        [Double](repeating: 0, count: data.layout.count(of: column.column.extent) * references.count)
      }
      let batches = chunks(of: Array(data.dataset.examples.indices), size: batchSize)
      try watch.forEach(batches, count: \.count, phase: "log-probabilities of the reference") { examples in
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
}
