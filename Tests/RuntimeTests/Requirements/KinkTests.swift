import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Gradients where policy and reference are equal, as at the first training step: many methods have a kink there.
@Suite struct KinkTests {
  private static let step = 1e-5

  @Test(arguments: Tested.all)
  func atTheReferenceAGradientLiesBetweenTheSlopesToBothSides(tested: Tested) throws {
    let component = try tested.load()
    var calls = RandomCalls(component, seed: tested.seed)
    for parameters in calls.parameterSets() {
      var call = calls.call(prompts: 6)
      if call.hasTokens { return }
      call.parameters = parameters
      call.cotangent = Array(repeating: 1, count: call.outputCount)
      for (name, values) in call.inputs {
        switch name {
        case "reward", "mismatched_reward", "policy_kl", "advantage": call.inputs[name] = values.map { _ in 0 }
        case "token_count": call.inputs[name] = values.map { _ in 7 }
        case let name where name.hasSuffix("logp"): call.inputs[name] = values.map { _ in -20 }
        default: break
        }
      }
      let result = try call.run()
      let frozen = try FrozenFormula(component, call)
      func total(_ column: String, _ entry: Int, _ offset: Double) throws -> Double {
        var moved = call
        moved.cotangent = nil
        moved.inputs[column]?[entry] += offset
        return try pairwiseSum(frozen?.outputs(moved.inputs) ?? moved.run().output)
      }
      for (name, gradient) in result.gradients {
        for entry in gradient.indices {
          let middle = try total(name, entry, 0)
          let right = (try total(name, entry, Self.step) - middle) / Self.step
          let left = (middle - (try total(name, entry, -Self.step))) / Self.step
          let tolerance = 1e-3 * (1 + abs(left) + abs(right))
          #expect(
            gradient[entry] >= min(left, right) - tolerance && gradient[entry] <= max(left, right) + tolerance,
            "\(tested.name) \(parameters): derivative by \(name)[\(entry)] is \(gradient[entry]), slopes \(left) and \(right)"
          )
        }
      }
    }
  }

  /// Documented slopes at kinks: which response moves there, and which does not.
  @Test(arguments: [
    ("minor-dpo(beta=0.1)", [0.0, 0], [-0.05, 0]), ("dpop(beta=0.1,lambda=50)", [0, 0], [-0.05, 0.05]),
    ("bpo(beta=0.1,balance=1)", [0, 0], [-0.05, 0]), ("hinge(beta=0.1)", [5, -5], [0, 0]),
    ("gpo-truncated-quadratic(beta=0.1)", [5, -5], [0, 0]), ("cal-slic(beta=0.1)", [5, -5], [0, 0]),
    ("chi-po(beta=1,maximum_reward=0.5) @ log-ratio", [0.5, -0.5], [0, 0]),
    ("chi-po(beta=1,maximum_reward=0.5) @ log-ratio", [-3, 3], [0, 0]),
    ("kto-pair(beta=0.1)", [0, 0], [-0.0125, 0.0125]),
  ])
  func statedSlopesAtKinks(text: String, rewards: [Double], expected: [Double]) throws {
    let objective = try Objective(text, in: BuiltPlugins.registry())
    var batch = Batch(prompts: 1)
    batch.columns = ["policy_logp": rewards, "reference_logp": [0, 0], "token_count": [1, 1]]
    var state = objective.initialState
    let found = try objective.evaluate(batch, state: &state).gradients["policy_logp"] ?? []
    #expect(worstError(found, expected) < 1e-14)
  }
}
