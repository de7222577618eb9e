/// A chart of lines over the steps of a run: axes with round ticks, a zero line, and each line's name at its end.
struct LineChart {
  /// A line.
  struct Line {
    /// The label at its end.
    var label: String
    /// The index of its color in the palette; a run has the same color in all charts.
    var color: Int
    /// The dash pattern, which distinguishes lines without color.
    var dash: Dash
    var points: [Point]
  }

  /// A value at a step.
  struct Point: Equatable {
    var step: Int
    var value: Double
  }

  /// The dash pattern of a line.
  enum Dash: Int, CaseIterable {
    case solid, dashed, dotted, mixed

    var pattern: String? {
      switch self {
      case .solid: nil
      case .dashed: "7 5"
      case .dotted: "2 4"
      case .mixed: "10 4 2 4"
      }
    }
  }

  /// A horizontal reference level.
  struct Level {
    var label: String
    var value: Double
  }

  var title: String
  /// The quantity shown, and its unit.
  var caption: String
  var lines: [Line]
  var levels: [Level] = []
  /// Whether the vertical axis always includes 0.
  var showsZero = true
  /// The size in drawing units.
  var width = 1120.0
  var height = 400.0

  /// The drawing as an SVG element; its colors come from the surrounding style sheet.
  var svg: String {
    let text = "\(title): \(caption)"
    return element(
      "svg",
      [
        ("viewBox", "0 0 \(coordinate(width)) \(coordinate(height))"), ("role", "img"), ("aria-label", text),
        ("class", "chart"), ("xmlns", "http://www.w3.org/2000/svg"),
      ], content)
  }

  /// The markup of the drawing, to embed in a larger one.
  var content: String {
    let frame = Frame(self)
    return frame.grid + frame.levels + lines.map(frame.drawing).joined() + frame.labels
  }

  var finiteLines: [Line] {
    lines.map { line in
      var line = line
      line.points.removeAll { !$0.value.isFinite }
      return line
    }.filter { !$0.points.isEmpty }
  }
}
