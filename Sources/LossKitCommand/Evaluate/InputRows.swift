import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

/// The rows of a file for `losskit evaluate`, read in blocks: all rows at once only for an objective that needs the whole batch.
struct InputRows {
  /// A line with the values of each column.
  struct Row {
    let line: Int
    let columns: [ColumnValues]
    let responses: Int
    let tokens: Int
  }

  /// The name of the file in messages.
  var name: String { reader.name }

  private let reader: JSONLineReader
  private let objective: Objective
  /// The columns of the first line: those that the objective or its metrics read, and those that are checked or have a gradient even if
  /// unread.
  private var keys: [ColumnKeys] = []
  private var firstLine = 0
  /// The keys of the last line, in order. Most lines have the same.
  private var lastKeys: [String] = []
  private var references: (place: String, count: Int)?
  private var foundKeys: Set<String> = []
  /// The row that the last block had no room for.
  private var waiting: Row?

  /// Opens a file, or standard input if the path is `-`.
  init(path: String, for objective: Objective) throws {
    reader = try JSONLineReader(path: path)
    self.objective = objective
  }

  /// The keys of all lines so far that are not read, sorted.
  var unread: [String] {
    // A column that is only checked, or that only its gradient would need, is not read.
    let checked = [Column.tokenLogProbability.name, Column.tokenCount.name]
    let read = keys.filter { key in
      !checked.contains(key.column.name) || objective.columns.contains { $0.name == key.column.name }
    }
    return foundKeys.subtracting(read.flatMap(\.names)).sorted()
  }

  /// The next rows; nil behind the last. Throws, with the lines, for rows that the objective cannot use.
  mutating func next() throws -> InputTable? {
    var problems = Problems(in: name)
    var block: InputTable?
    while let row = try nextRow(&problems) {
      if let block, objective.isSeparable, !block.hasRoom(for: row) {
        waiting = row
        break
      }
      if block == nil { block = InputTable(name: name, keys: keys, references: references?.count ?? 1) }
      block?.append(row)
    }
    try problems.throwIfAny()
    guard var block else {
      guard firstLine == 0 else { return nil }
      throw Failure("\(name): has no lines; write one JSON object a line, one line a prompt")
    }
    block.finish()
    return block
  }

  private mutating func nextRow(_ problems: inout Problems) throws -> Row? {
    if let row = waiting {
      waiting = nil
      return row
    }
    guard let line = try reader.next(&problems) else { return nil }
    return try locating(line.number, in: name) { try row(line) }
  }

  private mutating func row(_ line: JSONLines.Line) throws -> Row {
    guard case .object(let members) = line.value else {
      throw Failure("\(line.value.kindName), not an object; write one JSON object a line")
    }
    if !(members.members.count == lastKeys.count && zip(members.members, lastKeys).allSatisfy { $0.key == $1 }) {
      try checkKeys(of: members, line: line.number)
    }
    let columns = try keys.map { try ColumnValues($0, in: members) }
    try Self.checkAgreement(columns, keys)
    try checkReferences(columns, line: line.number)
    let first = zip(columns, keys).first { $1.column.extent != .prompt }?.0
    let tokens = zip(columns, keys).first { $1.column.extent == .token }?.0.tokenCounts.reduce(0, +)
    return Row(line: line.number, columns: columns, responses: first?.responses ?? 1, tokens: tokens ?? 0)
  }

  // MARK: Agreement

  /// Decides which keys are read by those of the first line. Throws for a later line that has other columns.
  private mutating func checkKeys(of members: JSONObject, line: Int) throws {
    let further = [Column.logProbability, .tokenLogProbability, .label, .tokenCount].filter { column in
      !objective.columns.contains { $0.name == column.name }
    }
    let found = try (objective.columns + further).compactMap { try ColumnKeys($0, in: members) }
    if firstLine == 0 {
      for column in objective.columns where !column.isOptional {
        guard !found.contains(where: { $0.column.name == column.name }) else { continue }
        let readers = objective.readers(of: column).joined(separator: " and ")
        let names = members.keys.sorted().joined(separator: ", ")
        throw Failure(
          "has no \(column.name), which \(readers) needs; the line has " + (names.isEmpty ? "no keys" : names))
      }
      keys = found
      firstLine = line
    }
    for new in found {
      guard let first = keys.first(where: { $0.column.name == new.column.name }) else {
        throw Failure("has \(new.text), which line \(firstLine) has not; all lines need the same columns")
      }
      guard first == new else {
        throw Failure("has \(new.text), line \(firstLine) \(first.text); write all rows in one form")
      }
    }
    lastKeys = members.keys
    foundKeys.formUnion(lastKeys)
  }

  /// Throws if the columns of a line differ in the number of responses or tokens.
  private static func checkAgreement(_ row: [ColumnValues], _ keys: [ColumnKeys]) throws {
    var first: Int?
    var firstTokens: Int?
    for (place, key) in keys.enumerated() where key.column.extent != .prompt {
      let name = key.names[0]
      if let first, row[first].responses != row[place].responses {
        throw Failure(
          "\(keys[first].names[0]) is of \(row[first].responses) responses, \(name) of \(row[place].responses); write as "
            + "many of each")
      }
      first = first ?? place
      guard key.column.extent == .token else { continue }
      if let firstTokens {
        let (counts, others) = (row[firstTokens].tokenCounts, row[place].tokenCounts)
        if let response = counts.indices.first(where: { counts[$0] != others[$0] }) {
          throw Failure(
            "response \(response + 1) has \(counts[response]) tokens in \(keys[firstTokens].names[0]), "
              + "\(others[response]) in \(name); write as many of each")
        }
      }
      firstTokens = firstTokens ?? place
    }
  }

  /// Throws if a line or a column has another number of references than the first.
  private mutating func checkReferences(_ row: [ColumnValues], line: Int) throws {
    for (values, key) in zip(row, keys) where key.column.isPerReference {
      if let references, references.count == values.references { continue }
      let place = "\(key.names[0]) of line \(line)"
      if let references {
        throw Failure(
          "\(place) has \(values.references) references, \(references.place) \(references.count); write as many of each"
        )
      }
      references = (place, values.references)
    }
  }
}
