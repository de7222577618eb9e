import LossKit
import LossKitRuntime
import LossKitTraining

/// The input of `losskit evaluate`: one batch, and how its file was laid out.
struct InputTable {
  /// What messages call the file.
  let name: String
  /// The columns in use, and the keys they came under.
  let keys: [InputKey]
  /// The values by line and column, as the file has them.
  let rows: [[InputValues]]
  /// All of them, as objectives read them.
  let batch: Batch
  /// Keys of the file that nobody reads.
  let unread: [String]
  /// The number in the file of each prompt's line.
  private let lineNumbers: [Int]

  /// Reads a file, standard input where the path is `-`. Throws for one that is not what `objective` needs, with the line.
  init(path: String, for objective: Objective) throws {
    let name = path == "-" ? "standard input" : path
    let lines = try JSONLines.read(path: path)
    guard let first = lines.first else {
      throw Failure("\(name): has no lines; write one JSON object a line, one line a prompt")
    }
    let members = try lines.map { try Self.members($0, name) }
    let keys = try Self.at(first.number, in: name) { try Self.keys(of: members[0], for: objective) }
    rows = try zip(lines, members).map { line, members in
      try Self.at(line.number, in: name) {
        let row = try keys.map { try InputValues($0, in: members) }
        try Self.checkAgreement(row, keys)
        return row
      }
    }
    self.name = name
    self.keys = keys
    let readKeys = keys.filter { $0.isRead(by: objective) }.flatMap(\.keys)
    unread = Set(members.flatMap(\.keys)).subtracting(readKeys).sorted()
    lineNumbers = lines.map(\.number)
    batch = try Self.batch(rows, keys, lineNumbers, name)
  }

  /// Does something with the batch, whose failure is one of the data; one about a prompt is told with its line.
  func locatingFailures<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let failure as Failure {
      let line = failure.prompt.flatMap { lineNumbers.indices.contains($0) ? ", line \(lineNumbers[$0])" : nil } ?? ""
      throw CommandFailure(status: .data, message: "\(name)\(line): \(failure.message)")
    }
  }

  // MARK: Reading

  private static func members(_ line: JSONLines.Line, _ name: String) throws -> [String: JSONValue] {
    guard case .object(let members) = line.value else {
      throw Failure("\(name), line \(line.number): \(line.value.kindName), not an object; write one JSON object a line")
    }
    return members
  }

  private static func at<Result>(_ line: Int, in name: String, _ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let failure as Failure {
      throw Failure("\(name), line \(line): \(failure.message)")
    }
  }

  /// The columns that the first line brings. Throws where one is missing that `objective` needs.
  private static func keys(of members: [String: JSONValue], for objective: Objective) throws -> [InputKey] {
    let keys = try InputColumn.columns(for: objective).compactMap { try InputKey($0, in: members.keys) }
    for column in objective.columns where !column.isOptional && !keys.contains(where: { $0.column.name == column.name })
    {
      let readers = objective.readers(of: column).joined(separator: " and ")
      let found = members.keys.sorted().joined(separator: ", ")
      throw Failure(
        "has no \(column.name), which \(readers) needs; the line has \(found.isEmpty ? "no keys" : found)")
    }
    return keys
  }

  // MARK: Agreement

  /// Throws where a line's columns have different numbers of responses or tokens.
  private static func checkAgreement(_ row: [InputValues], _ keys: [InputKey]) throws {
    var first: (name: String, count: Int)?
    var firstTokens: (name: String, counts: [Int])?
    for (values, key) in zip(row, keys) where key.column.extent != .prompt {
      let name = key.keys[0]
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

  /// The number of references; throws where lines or columns have different ones.
  private static func references(
    _ rows: [[InputValues]], _ keys: [InputKey], _ lineNumbers: [Int], _ name: String
  ) throws -> Int {
    var first: (place: String, count: Int)?
    for (row, line) in zip(rows, lineNumbers) {
      for (values, key) in zip(row, keys) where key.column.isPerReference {
        let place = "\(key.keys[0]) of line \(line)"
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
    _ rows: [[InputValues]], _ keys: [InputKey], _ lineNumbers: [Int], _ name: String
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

  private static func responseCount(_ row: [InputValues], _ keys: [InputKey]) -> Int {
    zip(row, keys).first { $1.column.extent != .prompt }.map { $0.0.values[0].count } ?? 1
  }
}
