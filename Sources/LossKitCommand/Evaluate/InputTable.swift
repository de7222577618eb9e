import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitTraining

/// The input of `losskit evaluate`: one batch, and the layout of its file.
struct InputTable {
  /// The name of the file in messages.
  let name: String
  /// The columns in use, with their keys in the file.
  let keys: [ColumnKeys]
  /// The values by line and column, as in the file.
  let rows: [[ColumnValues]]
  /// All values, as objectives read them.
  let batch: Batch
  /// Keys of the file that are not read.
  let unread: [String]
  /// The line number in the file of each prompt.
  private let lineNumbers: [Int]

  /// Reads a file, or standard input if the path is `-`. Throws, with the line, for a file that `objective` cannot use.
  init(path: String, for objective: Objective) throws {
    let name = path == "-" ? "standard input" : path
    let lines = try JSONLines.read(path: path)
    guard !lines.isEmpty else {
      throw Failure("\(name): has no lines; write one JSON object a line, one line a prompt")
    }
    let members = try lines.map { try Self.members($0, name) }
    let keys = try Self.keys(of: zip(lines, members).map { ($0.number, $1) }, name, for: objective)
    rows = try zip(lines, members).map { line, members in
      try locating(line.number, in: name) {
        let row = try keys.map { try ColumnValues($0, in: members) }
        try Self.checkAgreement(row, keys)
        return row
      }
    }
    self.name = name
    self.keys = keys
    // A column per token that only its gradient would need is not read.
    let readKeys = keys.filter { key in
      key.column.name != Column.tokenLogProbability.name || objective.columns.contains { $0.name == key.column.name }
    }.flatMap(\.names)
    unread = Set(members.flatMap(\.keys)).subtracting(readKeys).sorted()
    lineNumbers = lines.map(\.number)
    batch = try Self.batch(rows, keys, lineNumbers, name)
  }

  /// Runs a closure with the batch. A failure is one of the data; one about a prompt names its line.
  func locatingFailures<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let failure as Failure {
      let line = failure.prompt.flatMap { lineNumbers.indices.contains($0) ? ", line \(lineNumbers[$0])" : nil } ?? ""
      throw CommandFailure(status: .data, message: "\(name)\(line): \(failure.message)")
    }
  }

  // MARK: Reading

  private static func members(_ line: JSONLines.Line, _ name: String) throws -> JSONObject {
    guard case .object(let members) = line.value else {
      throw Failure("\(name), line \(line.number): \(line.value.kindName), not an object; write one JSON object a line")
    }
    return members
  }

  /// The columns of the lines: those that `objective` or its metrics read, and those that have a gradient even if unread. Throws if one is
  /// missing that `objective` needs.
  private static func keys(
    of rows: [(line: Int, members: JSONObject)], _ name: String, for objective: Objective
  ) throws -> [ColumnKeys] {
    let further = [Column.logProbability, .tokenLogProbability, .label].filter { column in
      !objective.columns.contains { $0.name == column.name }
    }
    return try (objective.columns + further).compactMap { column in
      if let keys = try ColumnKeys(column, in: rows, of: name) { return keys }
      guard objective.columns.contains(where: { $0.name == column.name }), !column.isOptional else { return nil }
      let readers = objective.readers(of: column).joined(separator: " and ")
      let found = rows[0].members.keys.sorted().joined(separator: ", ")
      throw Failure(
        "\(name), line \(rows[0].line): has no \(column.name), which \(readers) needs; the line has "
          + (found.isEmpty ? "no keys" : found))
    }
  }

  // MARK: Agreement

  /// Throws if the columns of a line differ in the number of responses or tokens.
  private static func checkAgreement(_ row: [ColumnValues], _ keys: [ColumnKeys]) throws {
    var first: (name: String, count: Int)?
    var firstTokens: (name: String, counts: [Int])?
    for (values, key) in zip(row, keys) where key.column.extent != .prompt {
      let name = key.names[0]
      for responses in values.values {
        if let first, first.count != responses.count {
          throw Failure(
            "\(first.name) is of \(first.count) responses, \(name) of \(responses.count); write as many of each")
        }
        first = first ?? (name, responses.count)
        guard key.column.extent == .token else { continue }
        let counts = responses.map(\.count)
        if let firstTokens, let place = counts.indices.first(where: { counts[$0] != firstTokens.counts[$0] }) {
          throw Failure(
            "response \(place + 1) has \(firstTokens.counts[place]) tokens in \(firstTokens.name), \(counts[place]) in "
              + "\(name); write as many of each")
        }
        firstTokens = firstTokens ?? (name, counts)
      }
    }
  }

  /// The number of references. Throws if lines or columns differ in it.
  private static func references(
    _ rows: [[ColumnValues]], _ keys: [ColumnKeys], _ lineNumbers: [Int], _ name: String
  ) throws -> Int {
    var first: (place: String, count: Int)?
    for (row, line) in zip(rows, lineNumbers) {
      for (values, key) in zip(row, keys) where key.column.isPerReference {
        let place = "\(key.names[0]) of line \(line)"
        if let first, first.count != values.values.count {
          throw Failure(
            "\(name), line \(line): \(place) has \(values.values.count) references, \(first.place) \(first.count); write as "
              + "many of each")
        }
        first = first ?? (place, values.values.count)
      }
    }
    return first?.count ?? 1
  }

  // MARK: Layout

  private static func batch(
    _ rows: [[ColumnValues]], _ keys: [ColumnKeys], _ lineNumbers: [Int], _ name: String
  ) throws -> Batch {
    let counts = rows.map { responseCount($0, keys) }
    var batch = Batch(
      prompts: rows.count, responses: counts.max() ?? 1,
      references: try references(rows, keys, lineNumbers, name))
    if Set(counts).count > 1 { batch.counts = counts.map { UInt32($0) } }
    if let token = keys.firstIndex(where: { $0.column.extent == .token }) {
      var offsets = [0]
      for rank in 0..<batch.responses {
        for row in rows {
          offsets.append((offsets.last ?? 0) + (row[token].values[0].dropFirst(rank).first?.count ?? 0))
        }
      }
      batch.tokenOffsets = offsets
    }
    for (place, key) in keys.enumerated() {
      batch.columns[key.column.name] = ColumnPlaces(key.column, in: batch).gather(rows.map { $0[place].values })
    }
    return batch
  }

  private static func responseCount(_ row: [ColumnValues], _ keys: [ColumnKeys]) -> Int {
    zip(row, keys).first { $1.column.extent != .prompt }.map { $0.0.values[0].count } ?? 1
  }
}
