/// The loss and the force on a single response, as two charts with a common axis.
struct CurveDrawing {
  private let curves: ForceCurves
  private let horizontal: Axis
  private let left = 74.0
  private let width = 462.0
  private let panelHeight = 190.0

  init(_ curves: ForceCurves) {
    self.curves = curves
    horizontal = Axis(holding: [curves.places[0], curves.places[curves.places.count - 1]], ticks: 6, tight: true)
    let bottom = 2 * panelHeight + 78
    var legend = Legend(left: 16, top: bottom + 58, width: DynamicsPicture.width - 32)
    for (number, curve) in curves.curves.enumerated() {
      legend.add(curve.name + (curves.field.readsLabel ? " responses" : "")) { x, y in
        element("path", attributes(number) + [("d", "M\(coordinate(x)) \(coordinate(y - 4))h22")])
      }
    }
    content =
      panel("loss", curves.curves.map(\.loss), top: 24)
      + panel("force −∂L/∂log π", curves.curves.map(\.force), top: 58 + panelHeight)
      + foot(bottom + 14) + legend.content
    height = legend.bottom
  }

  /// The height in drawing units.
  private(set) var height = 0.0
  /// The markup inside the drawing.
  private(set) var content = ""

  private func attributes(_ number: Int) -> [(String, String)] {
    [("class", "line c\(number)")] + (number == 0 ? [] : [("stroke-dasharray", "7 5")])
  }

  private func panel(_ name: String, _ lines: [[Double]], top: Double) -> String {
    let axis = Axis(holding: lines.joined().map { $0 } + [0], ticks: 4)
    func y(_ value: Double) -> Double { top + panelHeight - axis.position(of: value) * panelHeight }
    let ground = element(
      "rect",
      [("class", "plane")]
        + [("x", left), ("y", top), ("width", width), ("height", panelHeight)].map { ($0.0, coordinate($0.1)) })
    let rows = axis.ticks.map { tick in
      line(tick == 0 ? "zero" : "grid", left, y(tick), left + width, y(tick))
        + text(axis.text(of: tick), "tick", x: left - 8, y: y(tick) + 4, anchor: "end")
    }
    let columns = horizontal.ticks.map { tick in
      line(tick == 0 ? "zero" : "grid", x(tick), top, x(tick), top + panelHeight)
    }
    let drawn = lines.enumerated().map { number, values in
      let steps = zip(curves.places, values).enumerated().map { index, point in
        "\(index == 0 ? "M" : "L")\(coordinate(x(point.0))) \(coordinate(y(point.1)))"
      }
      return element("path", attributes(number) + [("d", steps.joined())])
    }
    return ground + (rows + columns + drawn).joined() + text(name, "axis", x: left, y: top - 8, anchor: "start")
  }

  private func foot(_ y: Double) -> String {
    let quantity = curves.field.hasReference ? "log π − log π_ref" : "log π"
    let name = curves.field.showsRewards ? "reward r = \(quantity), in nats" : "\(quantity) of the response, in nats"
    return horizontal.ticks.map { text(horizontal.text(of: $0), "tick", x: x($0), y: y, anchor: "middle") }.joined()
      + text(name, "axis", x: left + width / 2, y: y + 22, anchor: "middle")
  }

  private func x(_ place: Double) -> Double { left + horizontal.position(of: place) * width }

  private func line(_ kind: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    let ends = [("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)].map { ($0.0, coordinate($0.1)) }
    return element("line", [("class", kind)] + ends)
  }

  private func text(_ text: String, _ kind: String, x: Double, y: Double, anchor: String) -> String {
    element(
      "text", [("class", kind), ("x", coordinate(x)), ("y", coordinate(y)), ("text-anchor", anchor)], escaped(text))
  }
}
