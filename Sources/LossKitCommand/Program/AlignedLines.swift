/// Rows of cells, with each column as wide as its widest cell; the last cell of a row is not padded. A row is one line: line ends in a cell
/// are made visible.
func alignedLines(_ rows: [[String]], indentation: String = "") -> String {
  let lines = rows.map { $0.map { $0.visible(isPartOfLine: true) } }
  let columns = lines.map(\.count).max() ?? 0
  let widths = (0..<columns).map { column in lines.compactMap { $0.dropFirst(column).first?.count }.max() ?? 0 }
  return lines.map { cells in
    let last = cells.lastIndex { !$0.isEmpty } ?? -1
    let padded = cells.enumerated().prefix(last + 1).map { column, cell in
      column == last ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
    }
    return indentation + padded.joined(separator: "  ") + "\n"
  }.joined()
}
