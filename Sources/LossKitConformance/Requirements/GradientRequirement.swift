import LossKit
import LossKitRuntime

extension ComponentRequirement {
  /// Compares gradients with differences of the values.
  ///
  /// A gradient that a component stops intentionally shows only in its formula; without a formula, gradients are compared with the
  /// slopes of the values.
  static let gradient = ComponentRequirement(
    name: "gradient", summary: "gradients are the slopes of the values, at a thousand random points"
  ) { subject in
    let component = subject.component
    var calls = subject.calls
    var record = GradientRecord(tolerance: component.hasNumericGradient ? .numeric : .exact)
    while record.points < 1000 {
      for parameters in calls.parameterSets() {
        var call = calls.call(prompts: component.isRowwise ? 100 : 8)
        call.parameters = parameters
        let result = try subject.run(call)
        let gradients = result.gradients
        if gradients.isEmpty { return .notTested("it differentiates no column") }
        // The requirement `formula` tests whether formula and values agree.
        let formula = try? FrozenFormula(component, call)
        let frozen = formula.flatMap { worstError($0.outputs(call.inputs), result.output) < 1e-10 ? $0 : nil }
        for (name, gradient) in gradients.sorted(by: { $0.key < $1.key }) {
          subject.note("differences by \(name)")
          for entries in call.entryGroups(count: gradient.count, isRowwise: component.isRowwise) {
            let slopes = try Slopes(call, column: name, entries: entries, isRowwise: component.isRowwise, frozen)
            try record.compare(gradient, with: slopes) { entry in
              "\(name)[\(entry)]\(subject.text(parameters)) \(call.columnsOf(prompt: entry % call.prompts))"
            }
          }
        }
      }
    }
    return try record.verdict()
  }
}

/// The comparison of gradients with differences so far.
private struct GradientRecord {
  let tolerance: Slopes.Tolerance
  var points = 0
  private var kinks = 0
  private var wrong = 0
  private var worst = 0.0
  /// The point with the largest error, among the failing ones if there are any.
  private var worstPoint = ""

  init(tolerance: Slopes.Tolerance) { self.tolerance = tolerance }

  mutating func compare(_ gradient: [Double], with slopes: Slopes, point: (Int) -> String) throws {
    for (index, entry) in slopes.entries.enumerated() {
      points += 1
      let agrees = slopes.agree(gradient[entry], at: index, tolerance)
      let isRight = try agrees || slopes.bracket(gradient[entry], at: index)
      if isRight, !agrees { kinks += 1 }
      let error = (gradient[entry] - slopes.fine[index]).magnitude / max(1, slopes.fine[index].magnitude)
      if isRight, !agrees { continue }
      if !isRight, wrong == 0 { worst = 0 }
      if !isRight { wrong += 1 }
      guard isRight == (wrong == 0), !(error < worst) else { continue }
      worst = error
      worstPoint = "d/d \(point(entry)): gradient \(gradient[entry]), difference \(slopes.fine[index])"
    }
  }

  func verdict() throws -> Verdict {
    guard wrong == 0 else { throw Failure("wrong at \(wrong) of \(points) points; the worst: \(worstPoint)") }
    guard kinks * 2 < points else {
      throw Failure("the values are too rough to differentiate at \(kinks) of \(points) points")
    }
    return .met("worst error \(worst.short) at \(points) points, \(kinks) of them near kinks")
  }
}

extension ComponentCall {
  /// Entries whose derivatives can be taken together: one of each prompt if prompts are independent.
  fileprivate func entryGroups(count: Int, isRowwise: Bool) -> [[Int]] {
    if hasTokens { return (0..<min(count, 200)).map { [$0] } }
    if !isRowwise { return (0..<count).map { [$0] } }
    return stride(from: 0, to: count, by: prompts).map { Array($0..<$0 + prompts) }
  }
}
