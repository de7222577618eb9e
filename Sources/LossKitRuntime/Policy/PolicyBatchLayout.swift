import LossKit

/// How the columns of a call to a policy lie in one array of doubles.
struct PolicyBatchLayout {
  let columns: [Column]
  /// Where each column stands among those of the policy's type.
  let indices: [UInt32]
  /// Where each column starts in the array.
  let starts: [Int]
  /// How many values each column has.
  let counts: [Int]
  /// Where each response's tokens start, checked; nil where no column is per token.
  let tokenOffsets: [Int]?

  private let promptCount, responseCount: Int

  var totalCount: Int { counts.reduce(0, +) }

  /// Throws for a column that the type does not have or that is named twice, and for offsets that do not fit the texts.
  init(
    _ texts: Texts, tokenOffsets: [Int]?, columns names: [String], referenceCount: Int, type: LoadedPolicyType
  ) throws {
    let place = "policy \(type.name)"
    indices = try names.map { name in
      guard let index = type.columns.firstIndex(where: { $0.name == name }) else {
        throw Failure("\(place): " + unknownNameMessage(name, kind: "column", known: type.columns.map(\.name)))
      }
      return UInt32(index)
    }
    guard Set(names).count == names.count else { throw Failure("\(place): a column is asked for twice") }
    columns = indices.map { type.columns[Int($0)] }
    let rows = texts.promptCount * texts.responseCount
    let isPerToken = columns.contains { $0.extent == .token }
    self.tokenOffsets = try isPerToken ? Self.checked(tokenOffsets, rows: rows, place: place) : nil
    let tokens = self.tokenOffsets?.last ?? 0
    counts = columns.map { column in
      let extent =
        switch column.extent {
        case .prompt: texts.promptCount
        case .response: rows
        case .token: tokens
        }
      return column.isPerReference ? extent * referenceCount : extent
    }
    var next = 0
    starts = counts.map { count in
      defer { next += count }
      return next
    }
    promptCount = texts.promptCount
    responseCount = texts.responseCount
  }

  /// The columns out of the array. What belongs to no response becomes 0; throws for any other value that is not finite.
  func columnsByName(of values: [Double], texts: Texts, place: String) throws -> [String: [Double]] {
    var byName: [String: [Double]] = [:]
    for (position, column) in columns.enumerated() {
      var values = Array(values[starts[position]..<starts[position] + counts[position]])
      if column.extent == .response, texts.counts != nil {
        for row in values.indices
        where !texts.hasResponse(row / promptCount % responseCount, ofPrompt: row % promptCount) {
          values[row] = 0
        }
      }
      if let index = values.firstIndex(where: { !$0.isFinite }) {
        let prompt = prompt(of: index, column)
        throw Failure(
          "\(place): \(column.name) of prompt \(prompt + 1) is \(roundTripDecimal(values[index]))", prompt: prompt)
      }
      byName[column.name] = values
    }
    return byName
  }

  /// The gradients as one array. Throws for a column without gradient and for a gradient of another size.
  func flattened(_ gradients: [String: [Double]], place: String) throws -> [Double] {
    var flat: [Double] = []
    for (column, count) in zip(columns, counts) {
      let gradient = gradients[column.name] ?? []
      guard column.isDifferentiable else { throw Failure("\(place): \(column.name) takes no gradient") }
      guard gradient.count == count else {
        throw Failure("\(place): the gradient of \(column.name) has \(gradient.count) values, the column has \(count)")
      }
      flat += gradient
    }
    return flat
  }

  /// The prompt whose value stands at an index of a column.
  private func prompt(of index: Int, _ column: Column) -> Int {
    guard column.extent == .token, let offsets = tokenOffsets, let tokens = offsets.last, tokens > 0 else {
      return index % promptCount
    }
    // The last response that starts at or before the token; empty ones before it start there, too.
    let row = offsets.lastIndex { $0 <= index % tokens } ?? 0
    return row % promptCount
  }

  private static func checked(_ offsets: [Int]?, rows: Int, place: String) throws -> [Int] {
    guard let offsets else { throw Failure("\(place): a column per token needs the token offsets") }
    guard offsets.count == rows + 1, offsets.first == 0, zip(offsets, offsets.dropFirst()).allSatisfy(<=) else {
      throw Failure("\(place): invalid token offsets; expected \(rows + 1) numbers that ascend from 0")
    }
    return offsets
  }
}
