import LossKit
public import LossKitRuntime

/// What an objective does by itself, without a run: the forces −∂L/∂log π on a pair wherever its two responses stand, the loss as
/// contours, where the forces vanish, and where the chosen log-probability is pushed down. For feedback on single responses: the loss
/// and the force as curves.
public struct DynamicsPicture: Sendable {
  /// What it is called: the objective's name.
  public let title: String
  /// The resolved objective, and what was assumed of columns that are no log-probabilities.
  public let caption: String
  /// What there is to see, in one or two sentences.
  public let readingAid: String
  private let drawing: String
  private let height: Double

  /// Computes the picture. Throws, with the reason and the remedy, where the dynamics are not those of one pair or one response: where
  /// the force on it depends on other pairs or on earlier batches, or where more than log-probabilities of whole responses is read.
  public init(of objective: Objective, title: String) throws {
    let field = try ForceField(objective)
    self.title = title
    let assumptions = field.assumptions.joined(separator: ", ")
    caption = objective.description + (assumptions.isEmpty ? "" : "; for \(assumptions)")
    if field.responseCount == 2 {
      let plane = try ForcePlane(field)
      readingAid = plane.readingAid
      let drawn = PlaneDrawing(plane)
      (drawing, height) = (drawn.content, drawn.height)
    } else {
      let curves = try ForceCurves(field)
      readingAid = curves.readingAid
      let drawn = CurveDrawing(curves)
      (drawing, height) = (drawn.content, drawn.height)
    }
  }

  /// The picture as a drawing of its own, readable in light and dark.
  public var svg: String {
    let head = TextBlock(caption, kind: "caption", top: 45)
    let aid = TextBlock(readingAid, kind: "aid", top: 8 + height)
    let body = element("g", [("transform", "translate(0 \(coordinate(head.bottom)))")], drawing + aid.content)
    let total = head.bottom + aid.bottom + 14
    let size = [("width", coordinate(Self.width)), ("height", coordinate(total))]
    let heading = element(
      "text", [("class", "title"), ("x", "16"), ("y", "26")],
      escaped(Self.shortened("\(title): the forces of the loss by itself")))
    let ground = element("rect", [("class", "ground"), ("rx", "8")] + size)
    return element(
      "svg", Self.attributes(height: total, label: "\(title): \(readingAid)") + size,
      element("style", [], ChartStyle.sheet) + ground + heading + head.content + body) + "\n"
  }

  /// The picture for a page that has the style sheet, the captions beside it.
  var figure: String {
    element("svg", Self.attributes(height: height, label: "\(title): \(readingAid)"), drawing)
  }

  /// The width, in the units of the drawing.
  static let width = 560.0

  private static func attributes(height: Double, label: String) -> [(String, String)] {
    [
      ("xmlns", "http://www.w3.org/2000/svg"), ("viewBox", "0 0 \(coordinate(width)) \(coordinate(height))"),
      ("class", "chart dynamics"), ("role", "img"), ("aria-label", label),
    ]
  }

  private static func shortened(_ title: String) -> String { title.count > 70 ? title.prefix(69) + "…" : title }
}

/// Text broken into lines that fit a drawing.
struct TextBlock {
  let content: String
  /// Where what follows may begin.
  let bottom: Double

  init(_ text: String, kind: String, top: Double) {
    let lines = wrapped(text, width: 76)
    content = lines.enumerated().map { number, line in
      element("text", [("class", kind), ("x", "16"), ("y", coordinate(top + 16 * Double(number)))], escaped(line))
    }.joined()
    bottom = top + 16 * Double(lines.count - 1) + 12
  }
}
