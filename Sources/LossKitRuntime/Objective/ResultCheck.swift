package import CLossKit
import CLossKitKernels
package import LossKit

/// The one rule of what an objective may report as done: each loss, reward, derivative and state is finite in the type in which the
/// host gets it, and so is the mean of the losses.
///
/// What is not finite would ruin an optimizer, and hide which prompt it comes from.
package struct ResultCheck {
  /// What a number of the results is.
  package enum Quantity {
    case loss, reward
    /// The derivative by a column, by its index among the objective's columns.
    case derivative(Int)
  }

  private let objective: Objective
  private let frame: losskit_frame

  /// The check of what an evaluated frame holds.
  package init(_ objective: Objective, _ frame: losskit_frame) {
    self.objective = objective
    self.frame = frame
  }

  /// Throws for the first number of the frame's results that is not finite as a double.
  func run() throws {
    guard frame.prompts > 0, let output = frame.output else { return }
    try check(output, count: frame.prompts, .loss)
    if objective.reward != nil {
      try check(output + frame.prompts, count: frame.prompts * frame.responses, .reward)
    }
    try checkMean(output)
    if frame.cotangent != nil, let gradients = frame.gradients {
      for index in objective.columns.indices where objective.columns[index].isDifferentiable {
        guard let gradient = gradients[index] else { continue }
        try check(gradient, count: frame.count(of: objective.columns[index]), .derivative(index))
      }
    }
    try checkState()
  }

  private func check(_ values: UnsafePointer<Double>, count: Int, _ quantity: Quantity) throws {
    let index = losskit_first_nonfinite(values, count)
    if index < count { throw failure(quantity, at: index, value: values[index]) }
  }

  private func checkMean(_ losses: UnsafePointer<Double>) throws {
    let sum = pairwiseSum(UnsafeBufferPointer(start: losses, count: frame.prompts))
    guard !sum.isFinite else { return }
    let largest = (0..<frame.prompts).max { losses[$0].magnitude < losses[$1].magnitude } ?? 0
    throw Failure(
      "\(name): the losses of \(frame.prompts) prompts add up to \(roundTripDecimal(sum)), and have no mean; the largest is "
        + "\(roundTripDecimal(losses[largest])), of prompt \(largest + 1); look at its columns", prompt: largest)
  }

  private func checkState() throws {
    guard let state = frame.state else { return }
    let names = objective.terms.flatMap(\.loss.component.stateNames)
    for (index, name) in names.enumerated() where !state[index].isFinite {
      throw Failure(
        "\(self.name): the state '\(name)' after the step is \(roundTripDecimal(state[index])); look for columns far from the "
          + "others'")
    }
  }

  /// What is wrong with a number of the results: not finite, or finite and no float.
  package func failure(_ quantity: Quantity, at index: Int, value: Double) -> Failure {
    let (prompt, rank) = place(quantity, of: index)
    let response = rank.map { ", response \($0 + 1)" } ?? ""
    let what =
      switch quantity {
      case .loss: "the loss"
      case .reward: "the reward"
      case .derivative(let column): "the derivative by \(objective.columns[column].name)"
      }
    let problem =
      value.isFinite
      ? "\(roundTripDecimal(value)), which no float32 holds; take float64, or look at its columns"
      : "\(roundTripDecimal(value)); look at its columns"
    return Failure("\(name): \(what) of prompt \(prompt + 1)\(response) is \(problem)", prompt: prompt)
  }

  private var name: String { objective.terms.map(\.loss.component.name).joined(separator: " + ") }

  /// The prompt that an entry belongs to, and the rank of its response where it is one's.
  private func place(_ quantity: Quantity, of index: Int) -> (prompt: Int, rank: Int?) {
    let rows = frame.prompts * frame.responses
    let row: Int
    switch quantity {
    case .loss: return (index, nil)
    case .reward: row = index
    case .derivative(let column):
      switch objective.columns[column].extent {
      case .prompt: return (index % frame.prompts, nil)
      case .response: row = index % rows
      case .token: row = frame.row(ofToken: index)
      }
    }
    return (row % frame.prompts, frame.responses > 1 ? row / frame.prompts : nil)
  }
}

extension losskit_frame {
  /// The number of entries that a column has.
  func count(of column: Column) -> Int {
    let rows = prompts * responses
    let extent =
      switch column.extent {
      case .prompt: prompts
      case .response: rows
      case .token: token_offsets?[rows] ?? 0
      }
    return column.isPerReference ? extent * references : extent
  }

  /// The row k·G + g of the response that a token belongs to.
  fileprivate func row(ofToken index: Int) -> Int {
    let rows = prompts * responses
    guard let offsets = token_offsets, offsets[rows] > 0 else { return 0 }
    let token = index % offsets[rows]
    return (0..<rows).last { offsets[$0] <= token } ?? 0
  }
}
