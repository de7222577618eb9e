import LossKit
import LossKitRuntime

/// The positions of a column's entries in a batch: rank-major, as `Batch` describes.
struct ColumnPlaces {
  private let column: Column
  private let batch: Batch

  init(_ column: Column, in batch: Batch) {
    self.column = column
    self.batch = batch
  }

  /// The number of entries.
  var count: Int { entriesPerReference * (column.isPerReference ? batch.references : 1) }

  /// The column for values by prompt, reference, response and token; 0 where a prompt has no response.
  func gather(_ values: [[[[Double]]]]) -> [Double] {
    var column = [Double](repeating: 0, count: count)
    for (prompt, references) in values.enumerated() {
      for (reference, responses) in references.enumerated() {
        for (rank, tokens) in responses.enumerated() {
          let start = place(reference, rank, prompt)
          for (token, value) in tokens.enumerated() { column[start + token] = value }
        }
      }
    }
    return column
  }

  /// A prompt's entries, in the shape of `values`.
  func entries(of column: [Double], prompt: Int, like values: [[[Double]]]) -> [[[Double]]] {
    values.enumerated().map { reference, responses in
      responses.enumerated().map { rank, tokens in
        let start = place(reference, rank, prompt)
        return Array(column[start..<start + tokens.count])
      }
    }
  }

  private var entriesPerReference: Int {
    switch column.extent {
    case .prompt: batch.prompts
    case .response: batch.prompts * batch.responses
    case .token: batch.tokenOffsets?.last ?? 0
    }
  }

  private func place(_ reference: Int, _ rank: Int, _ prompt: Int) -> Int {
    let start = reference * entriesPerReference
    return switch column.extent {
    case .prompt: start + prompt
    case .response: start + rank * batch.prompts + prompt
    case .token: start + (batch.tokenOffsets?[rank * batch.prompts + prompt] ?? 0)
    }
  }
}
