import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Every built loss over every compatible reward.
@Suite struct ObjectiveRequirementTests {
  /// The valid objectives of a loss, each with one set of hyperparameters per form.
  private func objectives(of tested: Tested) throws -> [Objective] {
    let registry = try BuiltPlugins.registry()
    let loss = try tested.load()
    var calls = RandomCalls(loss, seed: tested.seed)
    return try calls.parameterSets().flatMap { values -> [Objective] in
      let pairs = zip(loss.parameters, values).map { "\($0.name)=\($0.format($1))" }
      let text = pairs.isEmpty ? loss.name : "\(loss.name)(\(pairs.joined(separator: ",")))"
      let rewards = loss.inputs.contains { $0.name.hasSuffix("reward") } ? Tested.rewards.map(\.name) : []
      if rewards.isEmpty { return [try Objective(text, in: registry)] }
      // A loss of absolute rewards is rejected over a reward without a zero; compatible ones remain.
      let made = rewards.compactMap { try? Objective("\(text) @ \($0)", in: registry) }
      #expect(!made.isEmpty)
      return made
    }
  }

  private func batch(_ objective: Objective, prompts: Int, _ numbers: inout SeededNumbers) -> Batch {
    var batch = Batch(
      prompts: prompts, responses: min(objective.responses.upperBound, 3), references: max(objective.referenceCount, 1))
    if objective.columns.contains(where: { $0.extent == .token }) {
      batch.tokenOffsets = (0..<batch.withShape(\.rows)).reduce(into: [0]) { offsets, _ in
        offsets.append((offsets.last ?? 0) + Int.random(in: 1...5, using: &numbers))
      }
    }
    for column in objective.columns {
      let count = batch.count(of: column)
      switch column.name {
      case "token_count", "mismatched_token_count":
        batch.columns[column.name] = (0..<count).map { row -> Double in
          guard let offsets = batch.tokenOffsets else { return Double(row % 37 + 1) }
          return Double(offsets[row + 1] - offsets[row])
        }
      case let name where name.hasSuffix("probability"):
        batch.columns[name] = (0..<count).map { _ in Double.random(in: 0.05...0.95, using: &numbers) }
      case "score": batch.columns[column.name] = numbers.scores(prompts: prompts, responses: batch.responses)
      case "label": batch.columns[column.name] = (0..<count).map { Double($0 % 2) }
      case let name where name.hasSuffix("logp"):
        batch.columns[name] = numbers.normals(count, mean: -60, deviation: 4)
      default: batch.columns[column.name] = numbers.normals(count)
      }
    }
    return batch
  }

  @Test(arguments: Tested.losses)
  func theFusedProgramEqualsTheChainOfCalls(tested: Tested) throws {
    var numbers = SeededNumbers(seed: tested.seed)
    for fused in try objectives(of: tested) {
      let unfused = try fused.unfused()
      var states = (fused.initialState, unfused.initialState)
      for step in 0..<3 {
        // The chain reads all declared columns of its parts, including those unused with these hyperparameters.
        var batch = batch(unfused, prompts: 64, &numbers)
        // Rankings of different lengths, if the loss takes them, in the last steps.
        let shortest = fused.responses.lowerBound
        if step > 0, shortest < batch.responses {
          batch.counts = (0..<64).map { UInt32(shortest + $0 * step % (batch.responses - shortest + 1)) }
        }
        let a = try fused.evaluate(batch, state: &states.0, seed: UInt64(step))
        let b = try unfused.evaluate(batch, state: &states.1, seed: UInt64(step))
        #expect(worstError(a.loss, b.loss) < 1e-12, "\(fused.description): losses")
        #expect(worstError(a.reward, b.reward) < 1e-12, "\(fused.description): rewards")
        #expect(Set(a.gradients.keys) == Set(b.gradients.keys))
        for (name, gradient) in a.gradients {
          #expect(worstError(gradient, b.gradients[name] ?? []) < 1e-12, "\(fused.description): \(name)")
        }
        #expect(worstError(states.0, states.1) < 1e-12, "\(fused.description): state")
      }
    }
  }

  @Test(arguments: Tested.losses)
  func aHundredThousandPromptsAcrossThreadsEqualPiecesOfAThousandToTheBit(tested: Tested) throws {
    var numbers = SeededNumbers(seed: tested.seed)
    guard let objective = try objectives(of: tested).first(where: \.isRowwise) else { return }
    let count = 100_000
    let piece = 1_000
    let small = batch(objective, prompts: piece, &numbers)
    guard small.tokenOffsets == nil else { return }
    // A hundred pieces that differ by a factor, so that they cannot be confused.
    let pieces = (0..<count / piece).map { index in
      var copy = small
      for name in small.columns.keys where name.hasSuffix("logp") || name == "score" {
        copy.columns[name] = small.columns[name]?.map { $0 * (1 + Double(index) / 500) }
      }
      return copy
    }
    var whole = Batch(prompts: count, responses: small.responses, references: small.references)
    for (name, values) in small.columns {
      whole.columns[name] = (0..<values.count / piece).flatMap { slot in
        pieces.flatMap { ($0.columns[name] ?? [])[slot * piece..<(slot + 1) * piece] }
      }
    }
    var state = objective.initialState
    let large = try objective.evaluate(whole, state: &state)
    for (index, piece) in pieces.enumerated() {
      let one = try objective.evaluate(piece, state: &state)
      let first = index * piece.prompts
      func own(_ values: [Double]) -> [Double] {
        stride(from: first, to: values.count, by: count).flatMap { values[$0..<$0 + piece.prompts] }
      }
      #expect(bits(one.loss) == bits(own(large.loss)))
      #expect(bits(one.reward) == bits(own(large.reward)))
      for (name, gradient) in one.gradients {
        #expect(bits(gradient) == bits(own(large.gradients[name] ?? [])), "\(objective.description): \(name)")
      }
    }
  }

  @Test(arguments: Tested.losses)
  func anObjectiveOfNoPromptsHasNoLosses(tested: Tested) throws {
    var numbers = SeededNumbers(seed: tested.seed)
    for fused in try objectives(of: tested) {
      for objective in [fused, try fused.unfused()] {
        var state = objective.initialState
        let evaluation = try objective.evaluate(batch(objective, prompts: 0, &numbers), state: &state)
        #expect(evaluation.loss.isEmpty && evaluation.reward.isEmpty)
        #expect(evaluation.gradients.values.allSatisfy { $0.isEmpty })
        #expect(state == objective.initialState)
      }
    }
  }

  @Test func theRunningMeanOfBCOIsThatOfAllBatchesSoFarAndIsUsedAfterItsUpdate() throws {
    let objective = try Objective("bco(beta=0.5)", in: BuiltPlugins.registry())
    var numbers = SeededNumbers(seed: 4)
    var state = objective.initialState
    var seen: [Double] = []
    for size in [16, 4, 9] {
      let batch = batch(objective, prompts: size, &numbers)
      let evaluation = try objective.evaluate(batch, state: &state)
      let rewards = evaluation.reward.map { 0.5 * $0 }
      seen += rewards
      let mean = seen.reduce(0, +) / Double(seen.count)
      #expect(relativeError(state[0], mean) < 1e-14)
      #expect(state[1] == Double(seen.count) / 2)
      for prompt in 0..<size {
        func softplus(_ x: Double) -> Double { Operation.softplus(x) }
        let expected = softplus(mean - rewards[prompt]) + softplus(rewards[size + prompt] - mean)
        #expect(relativeError(evaluation.loss[prompt], expected) < 1e-13)
      }
    }
  }

  @Test func anEvaluationThatFailsLeavesTheStateAsItWas() throws {
    for isFused in [true, false] {
      let whole = try Objective("bco", in: BuiltPlugins.registry())
      let objective = isFused ? whole : try whole.unfused()
      var batch = Batch(prompts: 2)
      batch.columns = ["policy_logp": [1e308, -1, -2, -3], "reference_logp": [-1e308, -1, -2, -3]]
      var state = [0.25, 4]
      #expect(throws: Failure.self) { try objective.evaluate(batch, state: &state) }
      #expect(state == [0.25, 4])
      var none: [Double] = []
      batch.columns["policy_logp"] = [-1, -1, -2, -3]
      batch.columns["reference_logp"] = [-1, -1, -2, -3]
      #expect {
        try objective.evaluate(batch, state: &none)
      } throws: {
        "\($0)" == "the objective keeps 2 numbers of state, and got 0"
      }
    }
  }
}
