import CLossKit
import CLossKitKernels
package import LossKit

/// The check of an objective's results: each loss, reward, derivative and state is finite in the type that the host receives, and so is
/// the mean of the losses.
///
/// A number that is not finite would ruin an optimizer, and hide the prompt that it comes from.
package struct ResultCheck {
  /// The kind of a result.
  package enum Quantity {
    case loss, reward
    /// The derivative by a column, by its index among the objective's columns.
    case derivative(Int)
  }

  private let objective: Objective
  private let shape: BatchShape

  /// Creates the check for the results of a batch with this shape.
  package init(_ objective: Objective, _ shape: BatchShape) {
    self.objective = objective
    self.shape = shape
  }

  /// Throws for the first number of an evaluated frame's results that is not finite as a double.
  func run(_ frame: losskit_frame) throws {
    guard frame.prompts > 0, let output = frame.output else { return }
    try check(output, count: frame.prompts, .loss)
    if objective.reward != nil {
      try check(output + frame.prompts, count: shape.rows, .reward)
    }
    try checkMean(output)
    if frame.cotangent != nil, let gradients = frame.gradients {
      for index in objective.columns.indices where objective.columns[index].isDifferentiable {
        guard let gradient = gradients[index] else { continue }
        try check(gradient, count: shape.count(of: objective.columns[index]), .derivative(index))
      }
    }
    try checkState(frame.state)
  }

  private func check(_ values: UnsafePointer<Double>, count: Int, _ quantity: Quantity) throws {
    let index = losskit_first_nonfinite(values, count)
    if index < count { throw failure(quantity, at: index, value: values[index]) }
  }

  private func checkMean(_ losses: UnsafePointer<Double>) throws {
    let sum = pairwiseSum(UnsafeBufferPointer(start: losses, count: shape.prompts))
    guard !sum.isFinite else { return }
    let largest = (0..<shape.prompts).max { losses[$0].magnitude < losses[$1].magnitude } ?? 0
    throw Failure(
      "\(name): the losses of \(shape.prompts) prompts add up to \(roundTripDecimal(sum)), and have no mean; the largest is "
        + "\(roundTripDecimal(losses[largest])), of prompt \(largest + 1); look at its columns", prompt: largest)
  }

  private func checkState(_ state: UnsafeMutablePointer<Double>?) throws {
    guard let state else { return }
    let names = objective.terms.flatMap(\.loss.component.stateNames)
    for (index, name) in names.enumerated() where !state[index].isFinite {
      throw Failure(
        "\(self.name): the state '\(name)' after the step is \(roundTripDecimal(state[index])); look for columns far from the "
          + "others'")
    }
  }

  /// The error for a result that is not finite, or too large for a float.
  package func failure(_ quantity: Quantity, at index: Int, value: Double) -> Failure {
    let place = place(quantity, of: index)
    let what =
      switch quantity {
      case .loss: "the loss"
      case .reward: "the reward"
      case .derivative(let column): "the derivative by \(objective.columns[column].name)"
      }
    let problem =
      value.isFinite
      ? "\(roundTripDecimal(value)), which is out of range for float32; use float64, or look at its columns"
      : "\(roundTripDecimal(value)); look at its columns"
    return Failure("\(name): \(what) of \(shape.words(place)) is \(problem)", prompt: place.prompt)
  }

  private var name: String { objective.terms.map(\.loss.component.name).joined(separator: " + ") }

  /// The place of an entry of the results.
  private func place(_ quantity: Quantity, of index: Int) -> BatchShape.Place {
    let extent: Column.Extent =
      switch quantity {
      case .loss: .prompt
      case .reward: .response
      case .derivative(let column): objective.columns[column].extent
      }
    return shape.place(of: index, per: extent)
  }
}
