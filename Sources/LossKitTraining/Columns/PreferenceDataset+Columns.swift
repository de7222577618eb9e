import LossKit
import LossKitJSON

/// A column of a whole data set that its rows bring.
struct GivenColumn: Equatable {
  /// The keys under which the rows have it.
  let keys: [String]
  /// How many references it is of; 1 where it is of none.
  let references: Int
  /// The values: by reference, then prompt by prompt, response by response, token by token.
  let values: [Double]
  /// How many values each response has, where they are over tokens.
  let tokenCounts: [Int]
}

extension PreferenceDataset {
  /// A column that the rows bring; nil where none does. Throws with the line where one row lacks it, or has it in another shape.
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
        "\(keys.text) is of \(counted(values.count, "reference")), and of \(references) on other lines; write as many")
    }
    guard keys.column.extent != .prompt else { return }
    for responses in values where responses.count != example.rowResponses {
      throw Failure(
        "\(keys.text) is of \(counted(responses.count, "response")), and the row has \(example.rowResponses); give each "
          + "one")
    }
    guard keys.column.extent == .token else { return }
    for responses in values.dropFirst() where responses.map(\.count) != values[0].map(\.count) {
      throw Failure("\(keys.text) has not as many tokens for each reference; write as many")
    }
  }

  /// The keys of all rows that are no part of their form, sorted.
  var furtherKeys: [String] {
    Set(examples.lazy.flatMap { $0.further.keys }.map(ExactText.init)).map(\.text).sorted()
  }

  /// The first line with a key that is no part of its form.
  func firstLine(withKey key: String) -> Int? { examples.first { $0.further[key] != nil }?.line }
}
