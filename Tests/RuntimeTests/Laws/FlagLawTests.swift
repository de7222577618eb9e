import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// What components say of themselves, held against what they do.
@Suite struct FlagLawTests {
  @Test(arguments: Tested.all)
  func aRowwiseComponentGivesTheSameBitsForABatchAndForItsParts(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    for parameters in calls.parameterSets() where component.isRowwise {
      var call = calls.call(prompts: 700)
      if call.hasTokens { continue }
      call.parameters = parameters
      let whole = try call.run()
      for kept in [Array(0..<1), Array(1..<300), Array(300..<700)] {
        try expect(call.of(prompts: kept), gives: whole, at: kept, of: call, tested.name)
      }
    }
  }

  @Test(arguments: Tested.all)
  func aRowwiseComponentFollowsAPermutationOfThePrompts(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    for parameters in calls.parameterSets() where component.isRowwise {
      var call = calls.call(prompts: 100)
      if call.hasTokens { continue }
      call.parameters = parameters
      let order = Array(0..<100).shuffled(using: &calls.numbers)
      try expect(call.of(prompts: order), gives: call.run(), at: order, of: call, tested.name)
    }
  }

  private func expect(
    _ part: ComponentCall, gives whole: ComponentCall.Result, at kept: [Int], of call: ComponentCall, _ name: String
  ) throws {
    let found = try part.run()
    #expect(bits(found.output) == bits(call.pick(kept, of: whole.output)), "\(name): values")
    for (column, gradient) in found.gradients {
      #expect(bits(gradient) == bits(call.pick(kept, of: whole.gradients[column] ?? [])), "\(name): \(column)")
    }
  }

  @Test(arguments: Tested.losses)
  func aShiftInvariantLossDoesNotSeeAConstantPerPromptInTheRewards(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    for parameters in calls.parameterSets() where component.isShiftInvariant {
      var call = calls.call(prompts: 50)
      call.parameters = parameters
      guard let reward = call.inputs["reward"] else { continue }
      let before = try call.run()
      let shifts = calls.numbers.normals(50, deviation: 40)
      call.inputs["reward"] = reward.indices.map { reward[$0] + shifts[$0 % 50] }
      let after = try call.run()
      #expect(worstError(after.output, before.output) < 1e-11, "\(tested.name): values")
      #expect(
        worstError(after.gradients["reward"] ?? [], before.gradients["reward"] ?? []) < 1e-11,
        "\(tested.name): gradients")
    }
  }

  @Test(arguments: Tested.rewards)
  func aRewardThatIsZeroAtTheReferenceIs(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    for parameters in calls.parameterSets() where component.isZeroAtReference {
      var call = calls.call(prompts: 50)
      call.parameters = parameters
      for (reference, policy) in [
        ("reference_logp", "policy_logp"), ("reference_token_logp", "policy_token_logp"),
      ] {
        guard call.inputs[reference] != nil, let values = call.inputs[policy] else { continue }
        call.inputs[reference] = (0..<call.references).flatMap { _ in values }
      }
      #expect(try call.run().output.allSatisfy { Swift.abs($0) < 1e-12 }, "\(tested.name)")
    }
  }

  @Test func theBuiltOnesSayWhatTheirFormulasSay() throws {
    let registry = try BuiltPlugins.registry()
    func losses(_ flag: (LoadedComponent) -> Bool) throws -> [String] {
      try ["aot", "bco", "cal-dpo", "dpo", "hinge", "ipo", "sft"].filter {
        flag(try registry.component(named: $0, kind: .loss))
      }
    }
    #expect(try losses(\.isRowwise) == ["cal-dpo", "dpo", "hinge", "ipo"])
    #expect(try losses(\.isShiftInvariant) == ["aot", "dpo", "hinge", "ipo", "sft"])
    let rewards = try ["log-probability", "log-ratio", "mean-log-probability", "mean-log-ratio"].filter {
      try registry.component(named: $0, kind: .reward).isZeroAtReference
    }
    #expect(rewards == ["log-ratio", "mean-log-ratio"])
  }
}
