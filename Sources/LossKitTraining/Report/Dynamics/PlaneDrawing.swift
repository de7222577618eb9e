/// The forces on a pair as a drawing: chosen on the horizontal axis, rejected on the vertical one.
struct PlaneDrawing {
  private let plane: ForcePlane
  private let axis: Axis
  private let left = 74.0
  private let top = 8.0
  private let side = 462.0

  init(_ plane: ForcePlane) {
    self.plane = plane
    axis = Axis(holding: [plane.range.lowerBound, plane.range.upperBound], ticks: 6, tight: true)
    var legend = Legend(left: 16, top: top + side + 62, width: DynamicsPicture.width - 32)
    let parts = Parts(plane, left: left, top: top, side: side, legend: &legend)
    height = legend.bottom
    content = frame(ground: parts.areas) + parts.foreground + axes + legend.content
  }

  /// The height in drawing units.
  private(set) var height = 0.0
  /// The markup inside the drawing.
  private(set) var content = ""

  private func frame(ground: String) -> String {
    let place = [("x", left), ("y", top), ("width", side), ("height", side)].map { ($0.0, coordinate($0.1)) }
    return element("rect", [("class", "plane")] + place) + ground + grid
      + element("rect", [("class", "border")] + place)
  }

  private var grid: String {
    axis.ticks.map { tick in
      let offset = axis.position(of: tick) * side
      let kind = tick == 0 ? "zero" : "grid"
      return line(kind, left + offset, top, left + offset, top + side)
        + line(kind, left, top + side - offset, left + side, top + side - offset)
    }.joined()
  }

  private var axes: String {
    let ticks = axis.ticks.map { tick in
      let offset = axis.position(of: tick) * side
      let label = axis.text(of: tick)
      return text(label, "tick", x: left + offset, y: top + side + 18, anchor: "middle")
        + text(label, "tick", x: left - 8, y: top + side - offset + 4, anchor: "end")
    }
    let turned = element(
      "text",
      [
        ("class", "axis"), ("text-anchor", "middle"),
        ("transform", "translate(18 \(coordinate(top + side / 2))) rotate(-90)"),
      ], escaped(name(of: "rejected", symbol: "y_l")))
    return ticks.joined() + turned
      + text(name(of: "chosen", symbol: "y_w"), "axis", x: left + side / 2, y: top + side + 40, anchor: "middle")
  }

  private func name(of response: String, symbol: String) -> String {
    let quantity = plane.field.hasReference ? "log π − log π_ref" : "log π"
    return plane.field.showsRewards
      ? "\(response) reward r = \(quantity), in nats" : "\(quantity) of the \(response) response, in nats"
  }

  private func line(_ kind: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    let ends = [("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)].map { ($0.0, coordinate($0.1)) }
    return element("line", [("class", kind)] + ends)
  }

  private func text(_ text: String, _ kind: String, x: Double, y: Double, anchor: String) -> String {
    element(
      "text", [("class", kind), ("x", coordinate(x)), ("y", coordinate(y)), ("text-anchor", anchor)], escaped(text))
  }
}
