/// A table for a terminal: the first column left-aligned, the numeric columns right-aligned.
struct TextTable {
  var header: [String]
  var rows: [[String]]

  /// The lines of the table, aligned with spaces, with a rule below the header.
  var text: String {
    let all = [header] + rows
    let widths = header.indices.map { column in
      all.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      let padded = widths.enumerated().map { column, width in
        let cell = column < cells.count ? cells[column] : ""
        let space = String(repeating: " ", count: width - cell.count)
        return column == 0 ? cell + space : space + cell
      }
      var text = padded.joined(separator: "  ")
      while text.last == " " { text.removeLast() }
      return text
    }
    let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
    return ([line(header), rule] + rows.map(line)).joined(separator: "\n") + "\n"
  }
}
