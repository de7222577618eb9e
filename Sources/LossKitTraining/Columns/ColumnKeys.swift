package import LossKit
package import LossKitJSON
import LossKitRuntime

/// The keys under which data rows supply a column: one key with the values of all responses, or one per response of a pair.
package struct ColumnKeys: Equatable {
  /// The column.
  package let column: Column
  /// One key, or the keys of the chosen and the rejected response.
  package let names: [String]

  /// Whether each response of a pair has its own key.
  package var isPair: Bool { names.count == 2 }

  /// The keys of a column in one row; nil if the row has none. Throws if the row supplies the column twice, or only one key of a pair.
  package init?(_ column: Column, in members: JSONObject) throws {
    let found = Self.forms(of: column).filter { $0.contains { members[$0] != nil } }
    guard let names = found.first else { return nil }
    if let others = found.dropFirst().first {
      let pair = [names, others].map { form in form.first { members[$0] != nil } ?? form[0] }
      throw Failure("\(pair[0]) and \(pair[1]) name the same column; write one of them")
    }
    if let missing = names.first(where: { members[$0] == nil }), let other = names.first(where: { $0 != missing }) {
      throw Failure("has no \(missing) beside \(other); write both")
    }
    self.column = column
    self.names = names
  }

  /// The keys of a column in all rows, whose lines `line` returns; nil if no row has any. Throws if rows write the column in different
  /// forms.
  package init?(
    _ column: Column, in rows: some Sequence<(line: Int, members: JSONObject)>, of file: String
  ) throws {
    var first: (line: Int, keys: ColumnKeys)?
    for row in rows {
      guard let keys = try locating(row.line, in: file, { try ColumnKeys(column, in: row.members) }) else { continue }
      if let first, first.keys != keys {
        throw Failure(
          "\(file), line \(row.line): has \(keys.text), line \(first.line) \(first.keys.text); write all rows in one form"
        )
      }
      first = first ?? (row.line, keys)
    }
    guard let first else { return nil }
    self = first.keys
  }

  /// The keys, for messages.
  package var text: String { names.joined(separator: " and ") }

  /// All keys that may supply a column, by form.
  package static func forms(of column: Column) -> [[String]] {
    guard column.extent != .prompt else { return [[column.name]] }
    let own = [[column.name], ["chosen_\(column.name)", "rejected_\(column.name)"]]
    let pair = column.pairNames
    return own + (pair.isEmpty ? [] : [pair]) + (column.name == Column.score.name ? formsOfScores : [])
  }

  /// Common names of per-response scores in data sets.
  private static let formsOfScores = [["scores"], ["score_chosen", "score_rejected"]]
}

/// Runs `body` for a line of a file; adds the file and line to a failure.
package func locating<Result>(_ line: Int, in file: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let failure as Failure {
    throw Failure("\(file), line \(line): \(failure.message)")
  }
}
