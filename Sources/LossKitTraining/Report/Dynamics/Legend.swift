/// The legend of a drawing: symbols and their texts, on as many lines as needed.
struct Legend {
  private(set) var content = ""
  private let left, width: Double
  private var x: Double
  private var y: Double

  /// Creates a legend whose first line is at `top`.
  init(left: Double, top: Double, width: Double) {
    (self.left, self.width) = (left, width)
    (x, y) = (left, top)
  }

  /// The top of what follows.
  var bottom: Double { y + 14 }

  /// Adds a text after a symbol 22 units wide; `sign` draws the symbol from a point on the line.
  mutating func add(_ words: String, sign: (_ x: Double, _ y: Double) -> String) {
    let extent = 30 + Self.letterWidth * Double(words.count) + 20
    if x > left, x + extent - 20 > left + width { (x, y) = (left, y + 20) }
    content +=
      sign(x, y)
      + element("text", [("class", "words"), ("x", coordinate(x + 30)), ("y", coordinate(y))], escaped(words))
    x += extent
  }

  /// The estimated average width of a character; text cannot be measured here.
  private static let letterWidth = 6.5
}
