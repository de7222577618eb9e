import LossKit
import LossKitJSON

/// A column that the rows of a data set supply.
struct GivenColumn: Equatable {
  /// The keys that supply it.
  let keys: [String]
  /// The number of references; 1 for a column without references.
  let references: Int
  /// The values, ordered by reference, prompt, response and token.
  let values: [Double]
  /// The number of values of each response, for a column over tokens.
  let tokenCounts: [Int]
}

extension PreferenceDataset {
  /// Returns a column that the rows supply, or nil. Throws, with the line, if a row lacks it or has it in another shape.
  func given(_ column: Column) throws -> GivenColumn? {
    if let values = try ownValues(of: column) { return values }
    let rows = examples.lazy.map { (line: $0.line, members: $0.further) }
    guard let keys = try ColumnKeys(column, in: rows, of: source) else { return nil }
    var problems = Problems(in: source)
    var columns: [[[[Double]]]] = []
    for example in examples {
      do {
        let values = try ColumnValues(keys, in: example.further).values
        try check(values, of: keys, example, references: columns.first?.count)
        // In the order of the example's responses.
        columns.append(column.extent == .prompt ? values : values.map { values in example.places.map { values[$0] } })
      } catch let failure as Failure {
        problems.add(line: example.line, failure.message)
      }
    }
    try problems.throwIfAny()
    let references = columns.first?.count ?? 1
    return GivenColumn(
      keys: keys.names, references: references,
      values: (0..<references).flatMap { reference in columns.flatMap { $0[reference].flatMap(\.self) } },
      tokenCounts: column.extent == .token ? columns.flatMap { $0[0].map(\.count) } : [])
  }

  /// The scores of rankings and the labels of unpaired feedback, which are part of a row's form.
  private func ownValues(of column: Column) throws -> GivenColumn? {
    switch column.name {
    case Column.score.name where examples.contains { $0.scores != nil }:
      for example in examples {
        guard let keys = try locating(example.line, in: source, { try ColumnKeys(column, in: example.further) }) else {
          continue
        }
        throw Failure(
          "\(source), line \(example.line): scores and \(keys.names[0]) name the same column; write one of them")
      }
      return GivenColumn(
        keys: ["scores"], references: 1, values: examples.flatMap { $0.scores ?? [] }, tokenCounts: [])
    case Column.label.name where examples.allSatisfy { $0.label != nil }:
      let values = examples.flatMap { example in example.responses.map { _ in example.label == true ? 1.0 : 0 } }
      return GivenColumn(keys: ["label"], references: 1, values: values, tokenCounts: [])
    default: return nil
    }
  }

  private func check(
    _ values: [[[Double]]], of keys: ColumnKeys, _ example: PreferenceExample, references: Int?
  ) throws {
    if let references, references != values.count {
      throw Failure(
        "\(keys.text) has \(counted(values.count, "reference")), other lines have \(references); write equally many")
    }
    guard keys.column.extent != .prompt else { return }
    for responses in values where responses.count != example.rowResponses {
      throw Failure(
        "\(keys.text) covers \(counted(responses.count, "response")), the row has \(example.rowResponses); cover each "
          + "one")
    }
    guard keys.column.extent == .token else { return }
    for responses in values.dropFirst() where responses.map(\.count) != values[0].map(\.count) {
      throw Failure("\(keys.text) has different token counts for its references; write equally many")
    }
  }

  /// All keys that are not part of the rows' form, sorted.
  var furtherKeys: [String] {
    Set(examples.lazy.flatMap { $0.further.keys }.map(ExactText.init)).map(\.text).sorted()
  }

  /// The first line with such a key.
  func firstLine(withKey key: String) -> Int? { examples.first { $0.further[key] != nil }?.line }
}
