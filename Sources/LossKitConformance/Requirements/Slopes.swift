import LossKit

/// Slopes of Σ cotangent · output along some entries of a column, by six-point differences.
struct Slopes {
  /// How far a gradient may be from a difference.
  enum Tolerance {
    /// For exact gradients: the error of the differences.
    case exact
    /// For gradients that are differences, too.
    case numeric
  }

  private static let step = 0.01
  /// A few roundings to float: the most that counts as noise.
  private static let singleRounding = 4e-7

  let entries: [Int]
  let fine: [Double]
  /// The size of the values, whose rounding errors the differences magnify.
  private let sizes: [Double]
  /// The deviation of the values from a smooth curve, which computing in single precision causes.
  private let noise: [Double]
  private let call: ComponentCall
  private let column: String
  private let isRowwise: Bool
  private let frozen: FrozenFormula?

  init(
    _ call: ComponentCall, column: String, entries: [Int], isRowwise: Bool, _ frozen: FrozenFormula?
  ) throws {
    self.entries = entries
    self.call = call
    self.column = column
    self.isRowwise = isRowwise && !call.hasTokens
    self.frozen = frozen
    let (isAlone, middle) = (self.isRowwise, call)
    func values(_ offset: Double) throws -> [Double] {
      try Self.values(middle, column, entries, offset, isRowwise: isAlone, frozen)
    }
    let pairs = try [1, 2, 3].map { $0 * Self.step }.map {
      Pair(size: $0, up: try values($0), down: try values(-$0))
    }
    fine = entries.indices.map { Pair.slope(pairs, at: $0) }
    let centre = try values(0)
    let largest = centre.map(\.magnitude).max() ?? 0
    sizes = centre.map { max($0.magnitude, largest * 1e-3) }
    let most = sizes.map { $0 * Self.singleRounding }
    noise = entries.indices.map { min(Pair.noise(pairs, centre: centre, at: $0), most[$0]) }
  }

  /// The values on both sides of a point.
  private struct Pair {
    let size: Double
    let up, down: [Double]

    /// The slope from three pairs at 1, 2 and 3 steps.
    static func slope(_ pairs: [Pair], at index: Int) -> Double {
      let slope = pairs.map { ($0.up[index] - $0.down[index]) / (2 * $0.size) }
      return (15 * slope[0] - 6 * slope[1] + slope[2]) / 10
    }

    /// The roughness of the values: their sixth difference, in which smooth parts cancel.
    static func noise(_ pairs: [Pair], centre: [Double], at index: Int) -> Double {
      let sums = pairs.map { $0.up[index] + $0.down[index] }
      return (sums[2] - 6 * sums[1] + 15 * sums[0] - 20 * centre[index]).magnitude / 30
    }
  }

  /// Whether a gradient agrees with the slope from differences.
  func agree(_ gradient: Double, at index: Int, _ tolerance: Tolerance) -> Bool {
    (gradient - fine[index]).magnitude <= allowed(index, tolerance)
  }

  /// Whether a gradient is between the slopes on the two sides.
  func bracket(_ gradient: Double, at index: Int) throws -> Bool {
    // Small, because slopes may change quickly near a kink, but large enough for rounding errors of single precision.
    if try bracket(gradient, at: index, step: 1e-5, noise: 0) { return true }
    return try noise[index] > 1e-9 * sizes[index] && bracket(gradient, at: index, step: Self.step, noise: noise[index])
  }

  private func bracket(_ gradient: Double, at index: Int, step: Double, noise: Double) throws -> Bool {
    func value(_ offset: Double) throws -> Double {
      try Self.values(call, column, entries, offset, isRowwise: isRowwise, frozen)[index]
    }
    let centre = try value(0)
    func slope(_ step: Double) throws -> Double {
      2 * (try value(step / 2) - centre) / (step / 2) - (try value(step) - centre) / step
    }
    let (left, right) = (try slope(-step), try slope(step))
    let slack = 1e-4 * (1 + max(left.magnitude, right.magnitude)) + (1e-14 * sizes[index] + 10 * noise) / step
    return gradient >= min(left, right) - slack && gradient <= max(left, right) + slack
  }

  private func allowed(_ index: Int, _ tolerance: Tolerance) -> Double {
    let rounding = 10 * noise[index] / Self.step
    return switch tolerance {
    case .exact: 1e-8 + 1e-7 * fine[index].magnitude + 1e-12 * sizes[index] + rounding
    case .numeric: 1e-5 + 1e-4 * fine[index].magnitude + 1e-9 * sizes[index] + rounding
    }
  }

  /// For each entry, the sum whose slope is taken, with all entries moved.
  private static func values(
    _ call: ComponentCall, _ column: String, _ entries: [Int], _ offset: Double, isRowwise: Bool,
    _ frozen: FrozenFormula?
  ) throws -> [Double] {
    var moved = call
    moved.cotangent = nil
    for entry in entries { moved.inputs[column]?[entry] += offset }
    let output = try frozen?.outputs(moved.inputs) ?? moved.run().output
    let cotangent = call.cotangent ?? []
    func sum(_ rows: some Sequence<Int>) -> Double { rows.reduce(0) { $0 + output[$1] * cotangent[$1] } }
    if isRowwise {
      return entries.map { sum(stride(from: $0 % call.prompts, to: output.count, by: call.prompts)) }
    }
    let whole = sum(output.indices)
    return entries.map { _ in whole }
  }
}
