extension PlaneDrawing {
  /// The contents of the plane and their legend.
  struct Parts {
    private let plane: ForcePlane
    private let left, top, side: Double
    /// The shaded areas.
    private(set) var areas = ""
    /// Contours, arrows and points.
    private(set) var foreground = ""

    init(_ plane: ForcePlane, left: Double, top: Double, side: Double, legend: inout Legend) {
      self.plane = plane
      (self.left, self.top, self.side) = (left, top, side)
      addArrows(&legend)
      addContours(&legend)
      addAreas(&legend)
      addLines(&legend)
      addPoints(&legend)
    }

    // MARK: - Areas and lines

    private mutating func addAreas(_ legend: inout Legend) {
      let down = plane.downArea
      if !down.isEmpty {
        areas += element("path", [("class", "down"), ("d", down.map { path($0, isClosed: true) }.joined())])
        legend.add("chosen log-probability pushed down") { x, y in
          let size = [("width", "22"), ("height", "11")]
          return element("rect", [("class", "down"), ("x", coordinate(x)), ("y", coordinate(y - 9))] + size)
        }
      }
      guard let middle = plane.middleOfStillArea else { return }
      areas += element(
        "path", [("class", "still"), ("d", plane.stillArea.map { path($0, isClosed: true) }.joined())])
      foreground += text("no force", "halo label", x: x(middle), y: y(middle) + 4, anchor: "middle")
    }

    private mutating func addContours(_ legend: inout Legend) {
      var taken: [ScalarGrid.Point] = []
      var labels = ""
      for level in plane.levels {
        let lines = plane.loss.lines(at: level)
        let drawn = lines.map { path($0, isClosed: false) }.joined()
        foreground = element("path", [("class", "contour"), ("d", drawn)]) + foreground
        // Labels are placed along the diagonal from low to high margins, which most contours cross.
        let nearest = lines.joined().min { abs($0.x + $0.y - 1.24) < abs($1.x + $1.y - 1.24) }
        guard let place = nearest, 0.06 < place.x, place.x < 0.94, 0.04 < place.y, place.y < 0.96,
          taken.allSatisfy({ max(abs($0.x - place.x) / 1.6, abs($0.y - place.y)) > 0.05 })
        else { continue }
        taken.append(place)
        labels += text(brief(level), "halo tick", x: x(place), y: y(place) + 4, anchor: "middle")
      }
      foreground += labels
      if !plane.levels.isEmpty {
        legend.add("equal loss, with its value") { x, y in
          element("path", [("class", "contour"), ("d", "M\(coordinate(x)) \(coordinate(y - 4))h22")])
        }
      }
    }

    private mutating func addLines(_ legend: inout Legend) {
      let still = plane.stillLines
      if !still.isEmpty {
        foreground += element(
          "path", [("class", "stillline"), ("d", still.map { path($0, isClosed: false) }.joined())])
        legend.add("no force") { x, y in
          element("path", [("class", "stillline"), ("d", "M\(coordinate(x)) \(coordinate(y - 4))h22")])
        }
      }
      guard plane.isOfTheMargin else { return }
      let (from, to) = (diagonal(0.48), diagonal(0.14))
      foreground +=
        element("path", [("class", "free"), ("d", path([from, to], isClosed: false))])
        + element("path", [("class", "freehead"), ("d", head(at: to, dx: -0.70711, dy: 0.70711, size: 13))])
      let middle = diagonal(0.32)
      foreground += element(
        "text",
        [
          ("class", "halo label"), ("text-anchor", "middle"),
          ("transform", "translate(\(coordinate(x(middle) - 7)) \(coordinate(y(middle) - 7))) rotate(-45)"),
        ], "both fall, the loss stays")
    }

    // MARK: - Arrows and points

    private mutating func addArrows(_ legend: inout Legend) {
      let arrows = plane.arrows
      let cell = side / Double(ForcePlane.arrowsPerSide)
      for isDown in [false, true] {
        let chosen = arrows.filter { $0.isDown == isDown }
        guard !chosen.isEmpty else { continue }
        var (shafts, heads) = ("", "")
        for arrow in chosen {
          let place = ScalarGrid.Point(x: arrow.x, y: arrow.y)
          let length = (arrow.chosen * arrow.chosen + arrow.rejected * arrow.rejected).squareRoot() * cell * 0.92
          guard length > 1.5 else { continue }
          let (dx, dy) = (arrow.chosen * cell * 0.92, -arrow.rejected * cell * 0.92)
          shafts += "M\(coordinate(x(place) - dx / 2)) \(coordinate(y(place) - dy / 2))"
          shafts += "l\(coordinate(dx * 0.8)) \(coordinate(dy * 0.8))"
          heads += head(
            x: x(place) + dx / 2, y: y(place) + dy / 2, dx: dx / length, dy: dy / length,
            size: min(6, 2 + length * 0.25))
        }
        let kind = isDown ? "c1" : "c0"
        foreground +=
          element("path", [("class", "arrow \(kind)"), ("d", shafts)])
          + element("path", [("class", "head \(kind)"), ("d", heads)])
      }
      legend.add("force −∂L/∂log π on the two (length ∝ √)") { x, y in
        element("path", [("class", "arrow c0"), ("d", "M\(coordinate(x)) \(coordinate(y - 4))h18")])
          + element("path", [("class", "head c0"), ("d", head(x: x + 22, y: y - 4, dx: 1, dy: 0, size: 6))])
      }
    }

    private mutating func addPoints(_ legend: inout Legend) {
      if plane.field.hasReference {
        let start = ScalarGrid.Point(x: 0.5, y: 0.5)
        foreground += circle("start", x(start), y(start), 5)
        legend.add("start: policy = reference") { x, y in circle("start", x + 11, y - 4, 4.5) }
      }
      let range = plane.range
      for point in plane.fixedPoints {
        let place = ScalarGrid.Point(
          x: (point.chosen - range.lowerBound) / (range.upperBound - range.lowerBound),
          y: (point.rejected - range.lowerBound) / (range.upperBound - range.lowerBound))
        let words = "(\(brief(point.chosen)), \(brief(point.rejected)))"
        foreground += circle(point.isStable ? "fixed" : "unstable", x(place), y(place), 6)
        let isRight = place.x < 0.7
        foreground += text(
          words, "halo label", x: x(place) + (isRight ? 11 : -11), y: y(place) + 4, anchor: isRight ? "start" : "end")
      }
      if plane.fixedPoints.contains(where: \.isStable) {
        legend.add("fixed point, to which pairs are drawn") { x, y in circle("fixed", x + 11, y - 4, 5) }
      }
      if plane.fixedPoints.contains(where: { !$0.isStable }) {
        legend.add("fixed point that does not hold") { x, y in circle("unstable", x + 11, y - 4, 5) }
      }
    }

    // MARK: - Geometry

    private func diagonal(_ place: Double) -> ScalarGrid.Point { ScalarGrid.Point(x: place, y: place) }
    private func x(_ point: ScalarGrid.Point) -> Double { left + point.x * side }
    private func y(_ point: ScalarGrid.Point) -> Double { top + side - point.y * side }

    /// Skips points on a straight line.
    private func path(_ points: [ScalarGrid.Point], isClosed: Bool) -> String {
      var kept: [ScalarGrid.Point] = []
      for point in points {
        if kept.count >= 2, isStraight(kept[kept.count - 2], kept[kept.count - 1], point) { kept.removeLast() }
        kept.append(point)
      }
      let steps = kept.enumerated().map { "\($0 == 0 ? "M" : "L")\(coordinate(x($1))) \(coordinate(y($1)))" }
      return steps.joined() + (isClosed ? "Z" : "")
    }

    private func isStraight(_ a: ScalarGrid.Point, _ b: ScalarGrid.Point, _ c: ScalarGrid.Point) -> Bool {
      let (ux, uy, vx, vy) = (b.x - a.x, b.y - a.y, c.x - b.x, c.y - b.y)
      let product = ux * vy - uy * vx
      return ux * vx + uy * vy > 0 && product * product < 1e-4 * (ux * ux + uy * uy) * (vx * vx + vy * vy)
    }

    private func head(at point: ScalarGrid.Point, dx: Double, dy: Double, size: Double) -> String {
      head(x: x(point) + dx * size, y: y(point) + dy * size, dx: dx, dy: dy, size: size)
    }

    /// A triangular arrowhead with its tip at a point, along a unit vector.
    private func head(x: Double, y: Double, dx: Double, dy: Double, size: Double) -> String {
      let half = size * 0.42
      let (bx, by) = (x - dx * size, y - dy * size)
      return "M\(coordinate(x)) \(coordinate(y))L\(coordinate(bx - dy * half)) \(coordinate(by + dx * half))"
        + "L\(coordinate(bx + dy * half)) \(coordinate(by - dx * half))Z"
    }

    private func circle(_ kind: String, _ x: Double, _ y: Double, _ radius: Double) -> String {
      element("circle", [("class", kind), ("cx", coordinate(x)), ("cy", coordinate(y)), ("r", coordinate(radius))])
    }

    private func text(_ text: String, _ kind: String, x: Double, y: Double, anchor: String) -> String {
      element(
        "text", [("class", kind), ("x", coordinate(x)), ("y", coordinate(y)), ("text-anchor", anchor)], escaped(text))
    }
  }
}
