/// The legend of a drawing: signs and their words, in as many lines as they need.
struct Legend {
  private(set) var content = ""
  private let left, width: Double
  private var x: Double
  private var y: Double

  /// A legend whose first line is at `top`.
  init(left: Double, top: Double, width: Double) {
    (self.left, self.width) = (left, width)
    (x, y) = (left, top)
  }

  /// Where what follows may begin.
  var bottom: Double { y + 14 }

  /// Adds words behind a sign, which is drawn from a point on the line on, 22 wide.
  mutating func add(_ words: String, sign: (_ x: Double, _ y: Double) -> String) {
    let extent = 30 + Self.letterWidth * Double(words.count) + 20
    if x > left, x + extent - 20 > left + width { (x, y) = (left, y + 20) }
    content +=
      sign(x, y)
      + element("text", [("class", "words"), ("x", coordinate(x + 30)), ("y", coordinate(y))], escaped(words))
    x += extent
  }

  /// The width of a letter, on average; there is no way to measure one here.
  private static let letterWidth = 6.5
}
