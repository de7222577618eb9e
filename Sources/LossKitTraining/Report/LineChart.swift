/// A picture of lines over the steps of a run: axes with round ticks, a zero line, and the name of each line at its end.
struct LineChart {
  /// A line.
  struct Line {
    /// What stands at its end.
    var label: String
    /// Which color of the palette it has; runs keep theirs from picture to picture.
    var color: Int
    /// How it is drawn beside its color, so that it can be told without.
    var dash: Dash
    var points: [Point]
  }

  /// A value at a step.
  struct Point: Equatable {
    var step: Int
    var value: Double
  }

  /// How a line is broken.
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

  /// A level that the lines are to be compared with.
  struct Level {
    var label: String
    var value: Double
  }

  var title: String
  /// What is shown, and its unit.
  var caption: String
  var lines: [Line]
  var levels: [Level] = []
  /// Whether 0 is always in the picture.
  var showsZero = true
  /// The size, in the units of the drawing.
  var width = 1120.0
  var height = 400.0

  /// The drawing as an SVG element; its colors come from the style sheet around it.
  var svg: String {
    let text = "\(title): \(caption)"
    return element(
      "svg",
      [
        ("viewBox", "0 0 \(coordinate(width)) \(coordinate(height))"), ("role", "img"), ("aria-label", text),
        ("class", "chart"), ("xmlns", "http://www.w3.org/2000/svg"),
      ], content)
  }

  /// What is in the drawing, to be put into a larger one.
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
