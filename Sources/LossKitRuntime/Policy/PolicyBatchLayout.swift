import LossKit

/// The layout of the columns of a policy's call in one array of doubles.
struct PolicyBatchLayout {
  let columns: [Column]
  /// The index of each column among those of the policy's type.
  let indices: [UInt32]
  /// The start of each column in the array.
  let starts: [Int]
  /// The number of values of each column.
  let counts: [Int]
  /// The start of each response's tokens, checked; nil if no column is per token.
  let tokenOffsets: [Int]?

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
    guard Set(names).count == names.count else { throw Failure("\(place): a column is requested twice") }
    let columns = indices.map { type.columns[Int($0)] }
    self.columns = columns
    let isPerToken = columns.contains { $0.extent == .token }
    let tokenOffsets = try isPerToken ? Self.checked(tokenOffsets, for: texts, place: place) : nil
    self.tokenOffsets = tokenOffsets
    counts = texts.withShape(references: referenceCount, tokenOffsets: tokenOffsets) { columns.map($0.count(of:)) }
    var next = 0
    starts = counts.map { count in
      defer { next += count }
      return next
    }
  }

  /// The columns from the array, with 0 if a prompt has no such response. Throws for any other value that is not finite.
  func columnsByName(of values: [Double], texts: Texts, place: String) throws -> [String: [Double]] {
    try texts.withShape(tokenOffsets: tokenOffsets) { shape in
      var byName: [String: [Double]] = [:]
      for (position, column) in columns.enumerated() {
        var values = Array(values[starts[position]..<starts[position] + counts[position]])
        if column.extent == .response, texts.counts != nil {
          for entry in values.indices where !shape.exists(shape.place(of: entry, per: .response)) { values[entry] = 0 }
        }
        if let entry = values.firstIndex(where: { !$0.isFinite }) {
          let prompt = shape.place(of: entry, per: column.extent).prompt
          throw Failure(
            "\(place): \(column.name) of prompt \(prompt + 1) is \(roundTripDecimal(values[entry]))", prompt: prompt)
        }
        byName[column.name] = values
      }
      return byName
    }
  }

  /// The gradients as one array. Throws for a column without gradient and for a gradient of the wrong size.
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

  private static func checked(_ offsets: [Int]?, for texts: Texts, place: String) throws -> [Int] {
    guard let offsets else { throw Failure("\(place): a column per token needs the token offsets") }
    let rows = texts.withShape(\.rows)
    guard offsets.count == rows + 1, offsets.first == 0, zip(offsets, offsets.dropFirst()).allSatisfy(<=) else {
      throw Failure("\(place): invalid token offsets; expected \(rows + 1) numbers that ascend from 0")
    }
    return offsets
  }
}
