/// The columns of a run that nobody supplies: row numbers and random numbers.
package final class GeneratedColumns {
  private var columns: [Program.External: UnsafeMutablePointer<Double>] = [:]

  /// Makes the columns that `program` asks for.
  package init(_ program: Program, seed: UInt64, rows: Int, rowIndices: [Int]? = nil) {
    for external in program.externals {
      let value: (Int) -> Double
      switch external {
      case .rowIndex: value = { Double($0) }
      case .uniform(let stream): value = { UniformNumbers.value(seed: seed, stream: stream, row: $0) }
      default: continue
      }
      let column = UnsafeMutablePointer<Double>.allocate(capacity: max(rows, 1))
      for row in 0..<rows { column.advanced(by: row).initialize(to: value(rowIndices?[row] ?? row)) }
      columns[external] = column
    }
  }

  deinit { for column in columns.values { column.deallocate() } }

  /// One of the columns it made.
  package func column(_ external: Program.External) throws -> UnsafePointer<Double> {
    guard let column = columns[external] else { throw Failure("\(external) is not known for this kind of component") }
    return UnsafePointer(column)
  }
}
