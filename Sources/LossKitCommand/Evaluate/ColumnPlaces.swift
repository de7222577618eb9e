import LossKit
import LossKitRuntime

/// The entries of a column of a batch, by prompt, reference, response and token.
struct ColumnPlaces {
  private let column: Column
  private let batch: Batch

  init(_ column: Column, in batch: Batch) {
    self.column = column
    self.batch = batch
  }

  /// The number of entries.
  var count: Int { batch.count(of: column) }

  /// The column for values by prompt, reference, response and token; 0 where a prompt has no response.
  func gather(_ values: [[[[Double]]]]) -> [Double] {
    batch.withShape { shape in
      var column = [Double](repeating: 0, count: count)
      for (prompt, references) in values.enumerated() {
        for (reference, responses) in references.enumerated() {
          for (rank, tokens) in responses.enumerated() {
            let entries = shape.entries(per: self.column.extent, rank: rank, prompt: prompt, reference: reference)
            for (entry, value) in zip(entries, tokens) { column[entry] = value }
          }
        }
      }
      return column
    }
  }

  /// A prompt's entries, in the shape of `values`.
  func entries(of column: [Double], prompt: Int, like values: [[[Double]]]) -> [[[Double]]] {
    batch.withShape { shape in
      values.enumerated().map { reference, responses in
        responses.indices.map { rank in
          Array(column[shape.entries(per: self.column.extent, rank: rank, prompt: prompt, reference: reference)])
        }
      }
    }
  }
}
