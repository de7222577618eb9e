/// Values at the nodes of a square grid over the unit square, with contour lines and areas.
struct ScalarGrid {
  /// A point of the unit square.
  struct Point: Hashable {
    var x, y: Double
  }

  /// The number of cells along a side.
  let cells: Int
  /// (cells + 1)² values, row by row from y = 0.
  let values: [Double]

  init(cells: Int, values: [Double]) {
    self.cells = cells
    self.values = values
  }

  /// The contour lines at a level, each as its points in order.
  func lines(at level: Double, where isShown: (_ cell: Int) -> Bool = { _ in true }) -> [[Point]] {
    var neighbors: [Int: [Int]] = [:]
    for cell in 0..<cells * cells where isShown(cell) {
      for (first, second) in segments(of: cell, level: level) {
        neighbors[first, default: []].append(second)
        neighbors[second, default: []].append(first)
      }
    }
    var lines: [[Point]] = []
    // Open lines begin at their ends; the remaining lines are closed.
    let ends = neighbors.keys.filter { neighbors[$0]?.count == 1 }.sorted()
    let starts = ends + neighbors.keys.sorted()
    for start in starts {
      var line = [start]
      while let last = line.last, let next = neighbors[last]?.popLast() {
        if let back = neighbors[next]?.firstIndex(of: last) { neighbors[next]?.remove(at: back) }
        line.append(next)
      }
      if line.count > 1 { lines.append(line.map { crossing(ofEdge: $0, level: level) }) }
    }
    return lines
  }

  /// The area in which the values exceed a level, as polygons that do not overlap.
  func area(above level: Double) -> [[Point]] {
    var polygons: [[Point]] = []
    for row in 0..<cells {
      var run: Int?
      for column in 0...cells {
        let corners = column < cells ? corners(of: row * cells + column) : []
        let isFull = !corners.isEmpty && corners.allSatisfy { values[$0] > level }
        if isFull {
          run = run ?? column
          continue
        }
        if let start = run { polygons.append(rectangle(from: start, to: column, row: row)) }
        run = nil
        if corners.contains(where: { values[$0] > level }) { polygons.append(polygon(corners, above: level)) }
      }
    }
    return polygons
  }

  // MARK: - Cells

  /// The nodes around a cell, in order.
  private func corners(of cell: Int) -> [Int] {
    let node = cell / cells * (cells + 1) + cell % cells
    return [node, node + 1, node + cells + 2, node + cells + 1]
  }

  private func point(_ node: Int) -> Point {
    Point(x: Double(node % (cells + 1)) / Double(cells), y: Double(node / (cells + 1)) / Double(cells))
  }

  /// A unique number for the edge between two nodes.
  private func edge(_ first: Int, _ second: Int) -> Int {
    2 * min(first, second) + ((first - second).magnitude == 1 ? 0 : 1)
  }

  private func crossing(ofEdge edge: Int, level: Double) -> Point {
    crossing(edge / 2, edge / 2 + (edge % 2 == 0 ? 1 : cells + 1), level: level)
  }

  private func crossing(_ first: Int, _ second: Int, level: Double) -> Point {
    let (low, high) = (values[first], values[second])
    let share = high == low ? 0.5 : min(1, max(0, (level - low) / (high - low)))
    let (start, end) = (point(first), point(second))
    return Point(x: start.x + share * (end.x - start.x), y: start.y + share * (end.y - start.y))
  }

  /// The contour segments in a cell, each from one edge to another.
  private func segments(of cell: Int, level: Double) -> [(Int, Int)] {
    let corners = corners(of: cell)
    let above = corners.map { values[$0] > level }
    let crossed = (0..<4).filter { above[$0] != above[($0 + 1) % 4] }.map { edge(corners[$0], corners[($0 + 1) % 4]) }
    guard corners.allSatisfy({ values[$0].isFinite }) else { return [] }
    if crossed.count == 2 { return [(crossed[0], crossed[1])] }
    guard crossed.count == 4 else { return [] }
    // A saddle: the center value decides which corners are connected.
    let isMiddleAbove = corners.map { values[$0] / 4 }.reduce(0, +) > level
    return isMiddleAbove == above[0]
      ? [(crossed[0], crossed[1]), (crossed[2], crossed[3])] : [(crossed[3], crossed[0]), (crossed[1], crossed[2])]
  }

  private func rectangle(from start: Int, to end: Int, row: Int) -> [Point] {
    let (left, right) = (Double(start) / Double(cells), Double(end) / Double(cells))
    let (low, high) = (Double(row) / Double(cells), Double(row + 1) / Double(cells))
    return [Point(x: left, y: low), Point(x: right, y: low), Point(x: right, y: high), Point(x: left, y: high)]
  }

  private func polygon(_ corners: [Int], above level: Double) -> [Point] {
    (0..<4).flatMap { index -> [Point] in
      let (node, next) = (corners[index], corners[(index + 1) % 4])
      let own = values[node] > level ? [point(node)] : []
      return (values[node] > level) == (values[next] > level) ? own : own + [crossing(node, next, level: level)]
    }
  }
}
