import LossKit
public import LossKitRuntime

/// A picture of an objective's dynamics without a run: the forces −∂L/∂log π on a pair over the plane of its two responses, contours of
/// the loss, fixed points, and the area in which the chosen log-probability is pushed down. For feedback on single responses, curves of
/// the loss and the force.
public struct DynamicsPicture: Sendable {
  /// The title: the objective's name.
  public let title: String
  /// The resolved objective, and the values assumed for columns other than log-probabilities.
  public let caption: String
  /// What the picture shows, in one or two sentences.
  public let readingAid: String
  private let drawing: String
  private let height: Double

  /// Computes the picture. Throws, with the reason and the remedy, if the dynamics are not those of a single pair or response: if the
  /// force depends on other pairs or earlier batches, or the objective reads more than log-probabilities of whole responses.
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

  /// The picture as a standalone SVG, in light and dark.
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

  /// The picture for a page that contains the style sheet; the captions are next to it.
  var figure: String {
    element("svg", Self.attributes(height: height, label: "\(title): \(readingAid)"), drawing)
  }

  /// The width in drawing units.
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
  /// The top of what follows.
  let bottom: Double

  init(_ text: String, kind: String, top: Double) {
    let lines = wrapped(text, width: 76)
    content = lines.enumerated().map { number, line in
      element("text", [("class", kind), ("x", "16"), ("y", coordinate(top + 16 * Double(number)))], escaped(line))
    }.joined()
    bottom = top + 16 * Double(lines.count - 1) + 12
  }
}
