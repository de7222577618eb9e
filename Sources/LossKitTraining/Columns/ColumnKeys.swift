package import LossKit
package import LossKitJSON
import LossKitRuntime

/// The keys under which rows of data bring a column: one with the values of all responses, or one for each response of a pair.
package struct ColumnKeys: Equatable {
  /// The column.
  package let column: Column
  /// One key, or those of the chosen and the rejected response.
  package let names: [String]

  /// Whether each response of a pair has a key of its own.
  package var isPair: Bool { names.count == 2 }

  /// The keys of a column in one row; nil where the row has none of them. Throws where it has some twice over, or one of two.
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

  /// The keys of a column in all rows, of which `line` says where each is; nil where no row has any. Throws where rows write the
  /// column in several forms.
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

  /// The keys in words.
  package var text: String { names.joined(separator: " and ") }

  /// All keys under which rows may bring a column, by form.
  package static func forms(of column: Column) -> [[String]] {
    guard column.extent != .prompt else { return [[column.name]] }
    let own = [[column.name], ["chosen_\(column.name)", "rejected_\(column.name)"]]
    let pair = column.pairNames
    return own + (pair.isEmpty ? [] : [pair]) + (column.name == Column.score.name ? formsOfScores : [])
  }

  /// What data sets with a score for each response call it.
  private static let formsOfScores = [["scores"], ["score_chosen", "score_rejected"]]
}

/// Does something for a line of a file; a failure is told with both.
package func locating<Result>(_ line: Int, in file: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch let failure as Failure {
    throw Failure("\(file), line \(line): \(failure.message)")
  }
}
