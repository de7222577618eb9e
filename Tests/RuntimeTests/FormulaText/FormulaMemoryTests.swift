import LossKit
import Testing

@testable import LossKitRuntime

/// What a formula given as text keeps.
@Suite struct FormulaMemoryTests {
  @Test func aFormulaIsFreedWithItsObjective() throws {
    let registry = try BuiltPlugins.registry()
    weak var memory: AnyObject?
    weak var fused: AnyObject?
    do {
      let objective = try Objective(
        "{square(chosen.reward - rejected.reward - c)}(c=1) @ {response.policy_logp}", in: registry)
      memory = objective.terms[0].loss.component.owner
      fused = objective.fused
      let batch = Batch(prompts: 1, columns: ["policy_logp": [-1, -2]])
      var state = objective.initialState
      #expect(try objective.evaluate(batch, state: &state).loss == [0])
      #expect(memory != nil && fused != nil)
    }
    #expect(memory == nil && fused == nil)
  }
}
