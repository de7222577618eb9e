import CLossKit
import LossKit

/// Evaluates an objective by its parts' own functions, one after the other: for parts that export no formula, and as the
/// plain version beside the fused program.
struct ObjectiveChain {
  private let objective: Objective
  private let frame: losskit_frame
  private let rows: Int

  init(_ objective: Objective, _ frame: losskit_frame) {
    self.objective = objective
    self.frame = frame
    rows = frame.prompts * frame.responses
  }

  func run() throws {
    guard frame.prompts > 0, let output = frame.output else { return }
    var rewards: [String: [Double]] = [:]
    if let reward = objective.reward {
      rewards[Column.reward.name] = try self.reward(reward, prefix: "")
      let prefix = ObjectiveComposition.mismatched
      if objective.terms.contains(where: {
        $0.loss.component.inputs.contains { $0.name == prefix + Column.reward.name }
      }) {
        rewards[prefix + Column.reward.name] = try self.reward(reward, prefix: prefix)
      }
    }
    clear(output)
    var rewardGradients = rewards.mapValues { [Double](repeating: 0, count: $0.count) }
    var stateOffset = 0
    for term in objective.terms {
      try add(term, stateOffset: stateOffset, rewards: rewards, rewardGradients: &rewardGradients, to: output)
      stateOffset += term.loss.component.stateNames.count
    }
    if let reward = rewards[Column.reward.name] {
      for (index, value) in reward.enumerated() { output[frame.prompts + index] = value }
    }
    if frame.cotangent != nil { try propagate(rewardGradients) }
    try checkFinite(output)
  }

  private func clear(_ output: UnsafeMutablePointer<Double>) {
    output.update(repeating: 0, count: frame.prompts)
    for (index, column) in objective.columns.enumerated() {
      frame.gradients?[index]?.update(repeating: 0, count: count(of: column))
    }
  }

  private func count(of column: Column) -> Int {
    let extent =
      switch column.extent {
      case .prompt: frame.prompts
      case .response: rows
      case .token: frame.token_offsets?[rows] ?? 0
      }
    return column.isPerReference ? extent * frame.references : extent
  }

  // MARK: Parts

  private func reward(_ part: Objective.Part, prefix: String) throws -> [Double] {
    var values = [Double](repeating: 0, count: rows)
    var noGradients = part.component.inputs.map { _ in [Double]() }
    try call(
      part, prefix: prefix, rewards: [:], stateOffset: 0, output: &values, cotangent: nil, gradients: &noGradients)
    return values
  }

  private func add(
    _ term: Objective.Term, stateOffset: Int, rewards: [String: [Double]],
    rewardGradients: inout [String: [Double]], to output: UnsafeMutablePointer<Double>
  ) throws {
    var loss = [Double](repeating: 0, count: frame.prompts)
    let cotangent = [Double](repeating: term.weight, count: frame.prompts)
    var gradients = term.loss.component.inputs.map { column -> [Double] in
      guard frame.cotangent != nil, column.isDifferentiable else { return [] }
      return [Double](repeating: 0, count: rewards[column.name]?.count ?? count(of: column))
    }
    try call(
      term.loss, prefix: "", rewards: rewards, stateOffset: stateOffset, output: &loss,
      cotangent: frame.cotangent == nil ? nil : cotangent, gradients: &gradients)
    for (prompt, value) in loss.enumerated() { output[prompt] += term.weight * value }
    for (column, gradient) in zip(term.loss.component.inputs, gradients) where !gradient.isEmpty {
      if rewards[column.name] != nil {
        for (index, value) in gradient.enumerated() { rewardGradients[column.name]?[index] += value }
      } else {
        add(gradient, toGradientOf: column.name)
      }
    }
  }

  /// Takes the gradients by the rewards on to the columns that the rewards are made of.
  private func propagate(_ rewardGradients: [String: [Double]]) throws {
    guard let reward = objective.reward else { return }
    for (name, cotangent) in rewardGradients {
      let prefix = name == Column.reward.name ? "" : ObjectiveComposition.mismatched
      var values = [Double](repeating: 0, count: rows)
      var gradients = reward.component.inputs.map { column -> [Double] in
        column.isDifferentiable ? [Double](repeating: 0, count: count(of: column)) : []
      }
      try call(
        reward, prefix: prefix, rewards: [:], stateOffset: 0, output: &values, cotangent: cotangent,
        gradients: &gradients)
      for (column, gradient) in zip(reward.component.inputs, gradients) where !gradient.isEmpty {
        add(gradient, toGradientOf: prefix + column.name)
      }
    }
  }

  private func add(_ gradient: [Double], toGradientOf name: String) {
    guard let index = objective.columns.firstIndex(where: { $0.name == name }), let total = frame.gradients?[index]
    else {
      return
    }
    for (index, value) in gradient.enumerated() { total[index] += value }
  }

  // MARK: One call

  private func call(
    _ part: Objective.Part, prefix: String, rewards: [String: [Double]], stateOffset: Int, output: inout [Double],
    cotangent: [Double]?, gradients: inout [[Double]]
  ) throws {
    let component = part.component
    let storage = component.inputs.map { rewards[$0.name] ?? [] }
    try storage.withBufferPointers { stored in
      let inputs = component.inputs.enumerated().map { index, column -> UnsafePointer<Double>? in
        if rewards[column.name] != nil { return stored[index] }
        return objective.columns.firstIndex { $0.name == prefix + column.name }.flatMap { frame.inputs?[$0] }
      }
      try gradients.withMutableBufferPointers { gradients in
        try callPlugin("\(component.name)", promptCount: frame.prompts) { error in
          output.withUnsafeMutableBufferPointer { output in
            withOptionalBuffer(cotangent) { cotangent in
              part.values.withUnsafeBufferPointer { values in
                inputs.withUnsafeBufferPointer { inputs in
                  gradients.withUnsafeBufferPointer { gradients in
                    var call = frame
                    call.parameters = values.baseAddress
                    call.state = frame.state?.advanced(by: stateOffset)
                    call.inputs = inputs.baseAddress
                    call.output = output.baseAddress
                    call.cotangent = cotangent
                    call.gradients = cotangent == nil ? nil : gradients.baseAddress
                    return component.descriptor.pointee.compute(component.descriptor, &call, error)
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  private func checkFinite(_ output: UnsafeMutablePointer<Double>) throws {
    let name = objective.terms.map(\.loss.component.name).joined(separator: " + ")
    for prompt in 0..<frame.prompts where !output[prompt].isFinite {
      throw Failure(
        "\(name): the loss of prompt \(prompt + 1) is \(output[prompt]); look at its columns", prompt: prompt)
    }
    for (index, column) in objective.columns.enumerated() where column.extent == .response {
      guard let gradient = frame.gradients?[index] else { continue }
      for entry in 0..<count(of: column) where !gradient[entry].isFinite {
        let prompt = entry % frame.prompts
        throw Failure(
          "\(name): the derivative by \(column.name) of prompt \(prompt + 1) is \(gradient[entry]); look at its columns",
          prompt: prompt)
      }
    }
  }
}

private func withOptionalBuffer<Result>(_ array: [Double]?, _ body: (UnsafePointer<Double>?) -> Result) -> Result {
  guard let array else { return body(nil) }
  return array.withUnsafeBufferPointer { body($0.baseAddress) }
}
