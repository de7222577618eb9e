extension ForceField {
  /// A point at which the forces on a pair vanish.
  package struct FixedPoint: Equatable {
    /// log π − log π_ref of the chosen and of the rejected response, in nats.
    package let chosen, rejected: Double
    /// Whether the point attracts nearby pairs.
    package let isStable: Bool
  }

  /// Finds the isolated points within `range` at which both derivatives of a pair are 0, using Newton's method from the grid cells in
  /// which both change sign. Lines and areas without a force are not included.
  package func fixedPoints(cells: Int = 32) throws -> [FixedPoint] {
    let range = range
    let step = (range.upperBound - range.lowerBound) / Double(cells)
    let side = cells + 1
    let nodes = (0..<side * side).map {
      [range.lowerBound + Double($0 % side) * step, range.lowerBound + Double($0 / side) * step]
    }
    let grid = try samples(at: nodes).map(\.slopes)
    let scale = grid.joined().map(\.magnitude).filter(\.isFinite).max() ?? 0
    var found: [FixedPoint] = []
    for cell in 0..<cells * cells {
      let corner = cell / cells * side + cell % cells
      let corners = [corner, corner + 1, corner + side, corner + side + 1].map { grid[$0] }
      guard Self.changesSign(corners.map { $0[0] }), Self.changesSign(corners.map { $0[1] }) else { continue }
      let start = (nodes[corner][0] + step / 2, nodes[corner][1] + step / 2)
      guard let point = try newton(from: start, step: step * 1e-4, tolerance: scale * 1e-10),
        range.contains(point.chosen), range.contains(point.rejected)
      else { continue }
      let isKnown = found.contains {
        max(($0.chosen - point.chosen).magnitude, ($0.rejected - point.rejected).magnitude) < step / 2
      }
      if !isKnown { found.append(point) }
    }
    return found
  }

  private static func changesSign(_ values: [Double]) -> Bool {
    guard let least = values.min(), let most = values.max() else { return false }
    return least <= 0 && most >= 0 && least < most
  }

  private func newton(from start: (Double, Double), step: Double, tolerance: Double) throws -> FixedPoint? {
    var (x, y) = start
    for _ in 0..<50 {
      let near = try samples(at: [[x, y], [x + step, y], [x - step, y], [x, y + step], [x, y - step]]).map(\.slopes)
      func derivative(of slope: Int, _ ahead: Int, _ behind: Int) -> Double {
        (near[ahead][slope] - near[behind][slope]) / (2 * step)
      }
      let (u, v) = (near[0][0], near[0][1])
      let (a, b) = (derivative(of: 0, 1, 2), derivative(of: 0, 3, 4))
      let (c, d) = (derivative(of: 1, 1, 2), derivative(of: 1, 3, 4))
      let determinant = a * d - b * c
      // Without full rank, the zeros form a line or an area.
      guard determinant.magnitude > 1e-6 * (a * a + b * b + c * c + d * d) else { return nil }
      if max(u.magnitude, v.magnitude) <= tolerance {
        return FixedPoint(chosen: x, rejected: y, isStable: determinant > 0 && a + d > 0)
      }
      x -= (u * d - b * v) / determinant
      y -= (a * v - c * u) / determinant
      // The loss may be undefined outside the range.
      guard range.contains(x), range.contains(y) else { return nil }
    }
    return nil
  }
}
