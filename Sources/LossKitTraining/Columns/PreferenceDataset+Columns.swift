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
    // By reference, in the order of the examples and their responses.
    var values: [[Double]] = []
    var tokenCounts: [Int] = []
    for example in examples {
      do {
        let row = try ColumnValues(keys, in: example.further)
        try check(row, of: keys, example, references: values.isEmpty ? nil : values.count)
        if values.isEmpty { values = Array(repeating: [], count: row.references) }
        for reference in values.indices { row.append(reference, to: &values[reference], example.places) }
        if column.extent == .token { tokenCounts += example.places.map { row.tokenCounts[$0] } }
      } catch let failure as Failure {
        problems.add(line: example.line, failure.message)
      }
    }
    try problems.throwIfAny()
    return GivenColumn(
      keys: keys.names, references: max(values.count, 1),
      values: values.count == 1 ? values[0] : values.flatMap(\.self), tokenCounts: tokenCounts)
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
    _ row: ColumnValues, of keys: ColumnKeys, _ example: PreferenceExample, references: Int?
  ) throws {
    if let references, references != row.references {
      throw Failure(
        "\(keys.text) has \(counted(row.references, "reference")), other lines have \(references); write equally many")
    }
    guard keys.column.extent != .prompt, row.responses != example.rowResponses else { return }
    throw Failure(
      "\(keys.text) covers \(counted(row.responses, "response")), the row has \(example.rowResponses); cover each "
        + "one")
  }

  /// All keys that are not part of the rows' form, sorted.
  var furtherKeys: [String] {
    Set(examples.lazy.flatMap { $0.further.keys }.map(ExactText.init)).map(\.text).sorted()
  }

  /// The first line with such a key.
  func firstLine(withKey key: String) -> Int? { examples.first { $0.further[key] != nil }?.line }
}

extension ColumnValues {
  /// Appends the values of one reference, of the responses at `places`.
  fileprivate func append(_ reference: Int, to column: inout [Double], _ places: [Int]) {
    let start = reference * (values.count / references)
    if tokenCounts.isEmpty {
      // A column per prompt has one value, whatever the responses.
      if values.count / references == 1 { return column.append(values[start]) }
      for place in places { column.append(values[start + place]) }
      return
    }
    var starts = [start]
    for count in tokenCounts { starts.append((starts.last ?? start) + count) }
    for place in places { column += values[starts[place]..<starts[place + 1]] }
  }
}
