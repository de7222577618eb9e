import LossKitSystem

/// The forces on a pair over the plane of its two responses, prepared for drawing.
struct ForcePlane {
  /// A force at a point: coordinates in units of the plane (0...1), and a length relative to the larger forces (0...1; its square root is
  /// drawn).
  struct Arrow {
    var x, y: Double
    var chosen, rejected: Double
    /// Whether the chosen log-probability is pushed down.
    var isDown: Bool
  }

  let field: ForceField
  let range: ClosedRange<Double>
  let loss, chosenSlope, rejectedSlope: ScalarGrid
  let fixedPoints: [ForceField.FixedPoint]
  /// The forces on a coarse grid, scaled by their 95th percentile.
  let arrows: [Arrow]
  /// Whether the force acts on the margin only: the two responses' forces are opposite.
  let isOfTheMargin: Bool
  /// Smaller slopes count as zero.
  private let threshold: Double
  /// Positive where there is no force.
  private let stillness: ScalarGrid

  private static let cells = 80
  static let arrowsPerSide = 19

  init(_ field: ForceField) throws {
    self.field = field
    range = field.range
    let side = Self.cells + 1
    let (low, extent) = (range.lowerBound, range.upperBound - range.lowerBound)
    let samples = try field.samples(
      at: (0..<side * side).map { node in
        [Double(node % side), Double(node / side)].map { low + extent * $0 / Double(Self.cells) }
      })
    loss = ScalarGrid(cells: Self.cells, values: samples.map(\.loss))
    chosenSlope = ScalarGrid(cells: Self.cells, values: samples.map { $0.slopes[0] })
    rejectedSlope = ScalarGrid(cells: Self.cells, values: samples.map { $0.slopes[1] })
    let threshold = 1e-9 * (samples.flatMap(\.slopes).map(\.magnitude).filter(\.isFinite).max() ?? 0)
    self.threshold = threshold
    isOfTheMargin = samples.allSatisfy {
      ($0.slopes[0] + $0.slopes[1]).magnitude <= 1e-9 * ($0.slopes[0].magnitude + $0.slopes[1].magnitude) + threshold
    }
    stillness = ScalarGrid(
      cells: Self.cells,
      values: samples.map { $0.slopes.allSatisfy { $0 == 0 } ? 1 : -1 })
    fixedPoints = try field.fixedPoints()
    arrows = try Self.arrows(field, threshold: threshold)
  }

  // MARK: - Features of the plane

  /// The area in which the chosen log-probability is pushed down.
  var downArea: [[ScalarGrid.Point]] { chosenSlope.area(above: threshold) }

  /// The share of the plane in which the chosen log-probability is pushed down.
  var downShare: Double {
    Double(chosenSlope.values.count { $0 > threshold }) / Double(chosenSlope.values.count)
  }

  /// The area without any force.
  var stillArea: [[ScalarGrid.Point]] { stillness.area(above: 0) }

  /// The center of the area without a force, for its label; nil if the area is too small.
  var middleOfStillArea: ScalarGrid.Point? {
    let nodes = stillness.values.indices.filter { stillness.values[$0] > 0 }
    guard nodes.count * 12 > stillness.values.count else { return nil }
    let side = Self.cells + 1
    func mean(_ coordinate: (Int) -> Int) -> Double {
      Double(nodes.map(coordinate).reduce(0, +)) / Double(nodes.count * Self.cells)
    }
    let middle = ScalarGrid.Point(x: mean { $0 % side }, y: mean { $0 / side })
    let node = Int((middle.y * Double(Self.cells)).rounded()) * side + Int((middle.x * Double(Self.cells)).rounded())
    return stillness.values[node] > 0 ? middle : nil
  }

  /// The lines along which both forces vanish, but not on either side.
  var stillLines: [[ScalarGrid.Point]] {
    let side = Self.cells + 1
    func changesSign(_ grid: ScalarGrid, _ cell: Int) -> Bool {
      let node = cell / Self.cells * side + cell % Self.cells
      let values = [node, node + 1, node + side, node + side + 1].map { grid.values[$0] }
      return values.contains { $0 > threshold } && values.contains { $0 < -threshold }
    }
    guard fixedPoints.isEmpty else { return [] }
    return chosenSlope.lines(at: 0) { changesSign(chosenSlope, $0) && changesSign(rejectedSlope, $0) }
  }

  /// Levels of the loss that divide the plane into areas of about equal size, ascending.
  var levels: [Double] {
    let sorted = loss.values.filter(\.isFinite).sorted()
    guard let first = sorted.first, let last = sorted.last, last > first else { return [] }
    let wanted = (1...8).map { sorted[$0 * (sorted.count - 1) / 9] }
    // The minimum may be attained on an area, whose border rounding would misplace.
    return wanted.reduce(into: []) { levels, level in
      if level > first + 1e-9 * (last - first), level > (levels.last ?? first) { levels.append(level) }
    }
  }

  private static func arrows(_ field: ForceField, threshold: Double) throws -> [Arrow] {
    let count = arrowsPerSide
    let places = (0..<count * count).map { index in
      [index % count, index / count].map { (Double($0) + 0.5) / Double(count) }
    }
    let (low, extent) = (field.range.lowerBound, field.range.upperBound - field.range.lowerBound)
    let slopes = try field.samples(at: places.map { $0.map { low + extent * $0 } }).map(\.slopes)
    let sizes = slopes.map { hypot($0[0], $0[1]) }
    let finite = sizes.filter(\.isFinite).sorted()
    guard !finite.isEmpty, let most = finite.last, most > 0 else { return [] }
    let common = finite[(finite.count - 1) * 19 / 20]
    let unit = common > 1e-6 * most ? common : most
    return zip(places, zip(slopes, sizes)).compactMap { place, force in
      let (slopes, size) = force
      guard size.isFinite, size > threshold else { return nil }
      let length = min(1, (size / unit).squareRoot())
      return Arrow(
        x: place[0], y: place[1], chosen: -slopes[0] / size * length, rejected: -slopes[1] / size * length,
        isDown: slopes[0] > threshold)
    }
  }

  // MARK: - Description

  /// One or two sentences that explain whether the chosen reward rises, falls or stays.
  var readingAid: String {
    if isOfTheMargin { return marginText }
    let rest = fixedPoints.first(where: \.isStable).map {
      "A pair comes to rest at the marked point: chosen \(brief($0.chosen)), rejected \(brief($0.rejected)) nats. "
    }
    return (rest ?? "") + downText
  }

  private var marginText: String {
    let still =
      !stillLines.isEmpty
      ? " On the dotted line nothing is pushed, wherever on it the pair is."
      : middleOfStillArea != nil ? " Where there is no arrow nothing is pushed." : ""
    return "Only the margin counts: both responses may become less likely together (dashed arrow) at the same loss, "
      + "so nothing in the loss keeps the chosen one from falling." + still
  }

  private var downText: String {
    let rises = chosenSlope.values.contains { $0 < -threshold }
    if downShare == 0 {
      return rises
        ? "No place pushes the chosen log-probability down; the loss pushes each response separately."
        : "The chosen log-probability is not pushed at all."
    }
    return rises
      ? "In the shaded area the loss itself pushes the chosen log-probability down."
      : "The loss pushes the chosen log-probability down everywhere."
  }
}
