extension LineChart {
  /// The axes of a chart and the plot area between them.
  struct Frame {
    private let chart: LineChart
    private let horizontal, vertical: Axis
    private let left, right, top, bottom: Double

    init(_ chart: LineChart) {
      self.chart = chart
      let points = chart.finiteLines.flatMap(\.points)
      let values = points.map(\.value) + chart.levels.map(\.value) + (chart.showsZero ? [0] : [])
      let vertical = Axis(holding: values)
      self.vertical = vertical
      horizontal = Axis(holding: points.map { Double($0.step) }, ticks: 6, tight: true)
      let longestTick = vertical.ticks.map { vertical.text(of: $0).count }.max() ?? 1
      left = 20 + 7 * Double(longestTick)
      let longest =
        (chart.finiteLines.map(\.label) + chart.levels.map(\.label)).map { Self.shortened($0).count }.max() ?? 0
      right = chart.width - 24 - Self.letterWidth * Double(longest + 8)
      top = 12
      bottom = chart.height - 34
    }

    /// The lines and labels of the axes.
    var grid: String {
      var parts: [String] = []
      for tick in vertical.ticks {
        let y = y(of: tick)
        let kind = tick == 0 && chart.showsZero ? "zero" : "grid"
        parts.append(line(kind, left, y, right, y))
        parts.append(text(vertical.text(of: tick), "tick", x: left - 8, y: y + 4, anchor: "end"))
      }
      for tick in horizontal.ticks {
        let x = left + horizontal.position(of: tick) * (right - left)
        parts.append(line("grid mark", x, bottom, x, bottom + 4))
        parts.append(text(horizontal.text(of: tick), "tick", x: x, y: bottom + 18, anchor: "middle"))
      }
      let lastTickHalf = (horizontal.ticks.last.map { horizontal.text(of: $0).count } ?? 0) * 7 / 2
      parts.append(text("step", "tick", x: right + 8 + Double(lastTickHalf), y: bottom + 18, anchor: "start"))
      return parts.joined()
    }

    /// The horizontal reference levels.
    var levels: String {
      chart.levels.map { line("level", left, y(of: $0.value), right, y(of: $0.value)) }.joined()
    }

    /// A line and its points; each point shows its value on hover.
    func drawing(_ line: Line) -> String {
      let points = line.points.filter(\.value.isFinite)
      let path = points.enumerated().map { place, point in
        "\(place == 0 ? "M" : "L")\(coordinate(x(of: point.step))) \(coordinate(y(of: point.value)))"
      }
      var attributes = [("class", "line c\(line.color)"), ("d", path.joined())]
      if let pattern = line.dash.pattern { attributes.append(("stroke-dasharray", pattern)) }
      let marks = points.map { point in
        element(
          "circle",
          [
            ("class", "dot c\(line.color)"), ("cx", coordinate(x(of: point.step))),
            ("cy", coordinate(y(of: point.value))),
            ("r", points.count > Self.mostMarks ? "1.4" : "2.4"),
          ], element("title", [], escaped("\(line.label), step \(point.step): \(significant(point.value))")))
      }
      return element("path", attributes) + marks.joined()
    }

    /// The names of the lines with their last values, moved apart if they would overlap.
    var labels: String {
      let names = chart.finiteLines.compactMap { line -> (text: String, kind: String, value: Double)? in
        line.points.last.map { (line.label, "label c\(line.color)", $0.value) }
      }
      let all = names + chart.levels.map { ($0.label, "label quiet", $0.value) }
      let placed = Self.spread(all.map { y(of: $0.value) }, apart: 15, between: top + 4...bottom)
      return zip(all, placed).map { item, y in
        let value = element("tspan", [("class", "value")], "  " + escaped(significant(item.value).replacingMinus))
        let leader = line("leader", right + 3, self.y(of: item.value), right + 9, y)
        return leader
          + element(
            "text",
            [("class", item.kind), ("x", coordinate(right + 13)), ("y", coordinate(y + 4)), ("xml:space", "preserve")],
            escaped(Self.shortened(item.text)) + value)
      }.joined()
    }

    private func x(of step: Int) -> Double { left + horizontal.position(of: Double(step)) * (right - left) }
    private func y(of value: Double) -> Double { bottom - vertical.position(of: value) * (bottom - top) }

    private func line(_ kind: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
      let ends = [("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)].map { ($0.0, coordinate($0.1)) }
      return element("line", [("class", kind)] + ends)
    }

    private func text(_ text: String, _ kind: String, x: Double, y: Double, anchor: String) -> String {
      element(
        "text", [("class", kind), ("x", coordinate(x)), ("y", coordinate(y)), ("text-anchor", anchor)], escaped(text))
    }

    /// The estimated average width of a label's character; text cannot be measured here.
    private static let letterWidth = 6.7
    /// Lines with more points get smaller marks.
    private static let mostMarks = 60

    private static func shortened(_ label: String) -> String {
      label.count > 24 ? label.prefix(23) + "…" : label
    }

    /// Returns positions at least `apart` from one another, in the order of the targets and as close to them as possible.
    static func spread(_ targets: [Double], apart: Double, between range: ClosedRange<Double>) -> [Double] {
      var places = targets
      let order = targets.indices.sorted { (targets[$0], $0) < (targets[$1], $1) }
      var least = range.lowerBound
      for index in order {
        places[index] = max(targets[index], least)
        least = places[index] + apart
      }
      var most = range.upperBound
      for index in order.reversed() {
        places[index] = min(places[index], most)
        most = places[index] - apart
      }
      return places
    }
  }
}
