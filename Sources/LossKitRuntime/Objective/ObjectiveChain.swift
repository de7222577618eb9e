import CLossKit
import LossKit

/// Evaluates an objective with its parts' own functions, one after the other: for parts that export no formula, and as
/// the unfused counterpart of the fused program.
struct ObjectiveChain: Sendable {
  /// The source of a part's input.
  private enum Source: Sendable, Equatable {
    /// The rewards of the responses (0), or of mismatched ones (1).
    case reward(Int)
    /// A column of the batch.
    case column(Int)
    case absent
  }

  private struct Call: Sendable {
    let part: Objective.Part
    let weight: Double
    let sources: [Source]
    let stateOffset: Int
  }

  private let columns: [Column]
  private let losses: [Call]
  /// The calls of the parameterization: for the responses and, if a loss reads them, for the mismatched ones.
  private let rewards: [Call]

  init(terms: [Objective.Term], reward: Objective.Part?, columns: [Column]) {
    self.columns = columns
    let prefixOfMismatched = ObjectiveComposition.mismatched
    func sources(_ part: Objective.Part, prefix: String) -> [Source] {
      part.component.inputs.map { input in
        if part.component.kind == .loss {
          if input.name == Column.reward.name { return .reward(0) }
          if input.name == ObjectiveComposition.mismatched + Column.reward.name {
            // Hyperparameters may leave it unused: the objective then reads no mismatched column.
            return columns.contains { $0.name.hasPrefix(prefixOfMismatched) } ? .reward(1) : .absent
          }
        }
        return columns.firstIndex { $0.name == prefix + input.name }.map { .column($0) } ?? .absent
      }
    }
    var stateOffset = 0
    losses = terms.map { term in
      defer { stateOffset += term.loss.component.stateNames.count }
      return Call(
        part: term.loss, weight: term.weight, sources: sources(term.loss, prefix: ""), stateOffset: stateOffset)
    }
    let isMismatchedRead = losses.contains { $0.weight != 0 && $0.sources.contains(.reward(1)) }
    rewards =
      reward.map { part in
        (isMismatchedRead ? ["", prefixOfMismatched] : [""]).map {
          Call(part: part, weight: 1, sources: sources(part, prefix: $0), stateOffset: 0)
        }
      } ?? []
  }

  /// Evaluates a frame; see `Objective.evaluate(_:)`.
  func run(_ frame: losskit_frame) throws {
    guard frame.prompts > 0, let output = frame.output else { return }
    let shape = frame.shape
    let scratch = Scratch(rows: shape.rows, prompts: shape.prompts, rewards: rewards.count)
    for (index, call) in rewards.enumerated() {
      try evaluate(call, frame, scratch, output: scratch.reward(index), cotangent: nil, gradients: [])
    }
    output.update(repeating: 0, count: frame.prompts)
    for (index, column) in columns.enumerated() {
      frame.gradients?[index]?.update(repeating: 0, count: shape.count(of: column))
    }
    for call in losses where call.weight != 0 { try add(call, frame, scratch, to: output) }
    if !rewards.isEmpty {
      output.advanced(by: shape.prompts).update(from: scratch.reward(0), count: shape.rows)
    }
    if frame.cotangent != nil {
      for (index, call) in rewards.enumerated() {
        try accumulate(call, frame, scratch, output: scratch.loss, cotangent: scratch.rewardGradient(index))
      }
    }
  }

  private func add(
    _ call: Call, _ frame: losskit_frame, _ scratch: Scratch, to output: UnsafeMutablePointer<Double>
  ) throws {
    if frame.cotangent == nil {
      try evaluate(call, frame, scratch, output: scratch.loss, cotangent: nil, gradients: [])
    } else {
      scratch.weight.update(repeating: call.weight, count: frame.prompts)
      try accumulate(call, frame, scratch, output: scratch.loss, cotangent: scratch.weight)
    }
    for prompt in 0..<frame.prompts { output[prompt] += call.weight * scratch.loss[prompt] }
  }

  /// Calls a part for its gradients and adds them to their targets.
  private func accumulate(
    _ call: Call, _ frame: losskit_frame, _ scratch: Scratch, output: UnsafeMutablePointer<Double>,
    cotangent: UnsafePointer<Double>
  ) throws {
    let shape = frame.shape
    let targets = zip(call.part.component.inputs, call.sources).map {
      input, source -> (UnsafeMutablePointer<Double>, Int)? in
      guard input.isDifferentiable else { return nil }
      switch source {
      case .reward(let index): return (scratch.rewardGradient(index), shape.rows)
      case .column(let index): return frame.gradients?[index].map { ($0, shape.count(of: columns[index])) }
      case .absent: return nil
      }
    }
    let gradients = targets.map { target in
      target.map { _, count in UnsafeMutablePointer<Double>.allocate(capacity: max(count, 1)) }
    }
    defer { for gradient in gradients { gradient?.deallocate() } }
    for (gradient, target) in zip(gradients, targets) { gradient?.initialize(repeating: 0, count: target?.1 ?? 0) }
    try evaluate(call, frame, scratch, output: output, cotangent: cotangent, gradients: gradients)
    for (gradient, target) in zip(gradients, targets) {
      guard let gradient, let (total, count) = target else { continue }
      for index in 0..<count { total[index] += gradient[index] }
    }
  }

  private func evaluate(
    _ call: Call, _ frame: losskit_frame, _ scratch: Scratch, output: UnsafeMutablePointer<Double>,
    cotangent: UnsafePointer<Double>?, gradients: [UnsafeMutablePointer<Double>?]
  ) throws {
    let component = call.part.component
    let inputs = call.sources.map { source -> UnsafePointer<Double>? in
      switch source {
      case .reward(let index): UnsafePointer(scratch.reward(index))
      case .column(let index): frame.inputs?[index]
      case .absent: nil
      }
    }
    try callPlugin(component.name, of: component.library, promptCount: frame.prompts) { error in
      call.part.values.withUnsafeBufferPointer { values in
        inputs.withUnsafeBufferPointer { inputs in
          gradients.withUnsafeBufferPointer { gradients in
            var part = frame
            part.parameters = values.baseAddress
            part.state = frame.state?.advanced(by: call.stateOffset)
            part.inputs = inputs.baseAddress
            part.output = output
            part.cotangent = cotangent
            part.gradients = cotangent == nil ? nil : gradients.baseAddress
            return component.descriptor.pointee.compute(component.descriptor, &part, error)
          }
        }
      }
    }
  }
}

/// The temporary memory of a chain, in one allocation.
private final class Scratch {
  private let base: UnsafeMutablePointer<Double>
  private let rows, prompts, rewards: Int

  init(rows: Int, prompts: Int, rewards: Int) {
    self.rows = rows
    self.prompts = prompts
    self.rewards = rewards
    let count = 2 * rewards * rows + max(rows, prompts) + prompts
    base = .allocate(capacity: count)
    base.initialize(repeating: 0, count: count)
  }

  deinit { base.deallocate() }

  func reward(_ index: Int) -> UnsafeMutablePointer<Double> { base + index * rows }
  func rewardGradient(_ index: Int) -> UnsafeMutablePointer<Double> { base + (rewards + index) * rows }
  /// The output of a part that is called only for its gradients: a loss, or rewards that are already known.
  var loss: UnsafeMutablePointer<Double> { base + 2 * rewards * rows }
  var weight: UnsafeMutablePointer<Double> { loss + max(rows, prompts) }
}
