import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

extension InputTable {
  /// Writes the results of each line as JSON Lines, piece by piece.
  func writeResults(_ evaluation: Evaluation, _ write: ([UInt8]) throws -> Void) throws {
    let gradients = columns.filter(\.keys.column.isDifferentiable).map { column in
      ColumnGradient(column, evaluation.gradients[column.keys.column.name])
    }
    try batch.withShape { shape in
      var text = ResultText()
      for prompt in 0..<shape.prompts {
        text.append("{\"loss\": ")
        text.append(evaluation.loss[prompt])
        if !evaluation.reward.isEmpty {
          text.append(", \"reward\": ")
          text.appendList(shape.responseCount(ofPrompt: prompt)) { text, rank in
            text.append(evaluation.reward[shape.row(rank, ofPrompt: prompt)])
          }
        }
        for gradient in gradients { gradient.append(prompt, shape, to: &text) }
        text.append("}\n")
        if text.bytes.count > 1 << 18 {
          try write(text.bytes)
          text.bytes.removeAll(keepingCapacity: true)
        }
      }
      try write(text.bytes)
    }
  }
}

/// The gradient of a column, written in the shape that the column has in the file.
private struct ColumnGradient {
  private let input: InputTable.InputColumn
  /// Nil for a column that the objective does not read.
  private let values: [Double]?
  /// The keys with what stands between them and the value before.
  private let keys: [String]

  init(_ input: InputTable.InputColumn, _ values: [Double]?) {
    self.input = input
    self.values = values
    keys = input.keys.names.map { ", \(JSONValue.string("d_\($0)").compact): " }
  }

  func append(_ prompt: Int, _ shape: BatchShape, to text: inout ResultText) {
    let column = input.keys.column
    func append(_ rank: Int, _ reference: Int, to text: inout ResultText) {
      let entries = shape.entries(per: column.extent, rank: rank, prompt: prompt, reference: reference)
      guard column.extent == .token else { return text.append(values?[entries.lowerBound] ?? 0) }
      text.appendList(entries.count) { $0.append(values?[entries.lowerBound + $1] ?? 0) }
    }
    func append(reference: Int, to text: inout ResultText) {
      if column.extent == .prompt || input.forms[prompt].contains(.singleNumber) {
        return append(0, reference, to: &text)
      }
      text.appendList(shape.responseCount(ofPrompt: prompt)) { append($1, reference, to: &$0) }
    }
    if input.keys.isPair {
      for (rank, key) in keys.enumerated() {
        text.append(key)
        append(rank, 0, to: &text)
      }
      return
    }
    text.append(keys[0])
    guard input.forms[prompt].contains(.references) else { return append(reference: 0, to: &text) }
    text.appendList(shape.references) { append(reference: $1, to: &$0) }
  }
}

/// JSON as UTF-8, in the layout of `JSONValue.compact`.
private struct ResultText {
  var bytes: [UInt8] = []

  mutating func append(_ text: String) { bytes += text.utf8 }

  /// Appends a number that reads back as the same double.
  mutating func append(_ value: Double) { append(value.isFinite ? "\(value)" : "null") }

  mutating func appendList(_ count: Int, _ element: (inout ResultText, Int) -> Void) {
    append("[")
    for place in 0..<count {
      if place > 0 { append(", ") }
      element(&self, place)
    }
    append("]")
  }
}
