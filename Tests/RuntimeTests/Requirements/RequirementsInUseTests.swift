import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime
@testable import LossKitSource

/// The needs and valid combinations of an objective follow from its formula at the current values.
@Suite struct RequirementsInUseTests {
  private let registry: PluginRegistry

  init() throws { registry = try BuiltPlugins.registry() }

  private func names(_ text: String) throws -> [String] {
    try Objective(text, in: registry).columns.map(\.name).sorted()
  }

  @Test func whatIsMultipliedWithZeroAsksForNoColumns() throws {
    #expect(try names("cpo") == ["policy_logp", "token_count"])
    #expect(try names("cpo(nll_weight=0)") == ["policy_logp"])
    #expect(try names("dpo + 0.1*sft(per=token)") == ["policy_logp", "reference_logp", "token_count"])
    #expect(try names("dpo + 0*sft(per=token)") == ["policy_logp", "reference_logp"])
    #expect(try names("hpo").contains("mismatched_policy_logp"))
    #expect(try !Objective("cpo", in: registry).isRowwise)
    #expect(try Objective("cpo(nll_weight=0)", in: registry).isRowwise)
  }

  @Test func aTermOfWeightZeroChangesNothing() throws {
    var numbers = SeededNumbers(seed: 3)
    let batch = Batch(
      prompts: 5,
      columns: ["policy_logp": numbers.normals(10, mean: -20), "reference_logp": numbers.normals(10, mean: -20)])
    for text in ["dpo + 0*sft(per=token)", "dpo + 0*bco"] {
      let sum = try Objective(text, in: registry)
      let alone = try Objective("dpo", in: registry)
      for objective in [sum, try sum.unfused()] {
        var state = objective.initialState
        var none: [Double] = []
        let (a, b) = (
          try objective.evaluate(batch, state: &state), try alone.evaluate(batch, state: &none)
        )
        #expect(worstError(a.loss, b.loss) < 1e-14)
        #expect(worstError(a.gradients["policy_logp"] ?? [], b.gradients["policy_logp"] ?? []) < 1e-14)
        #expect(state == objective.initialState)
      }
    }
    #expect {
      try Objective("0*dpo", in: registry)
    } throws: {
      "\($0)" == "every weight of '0*dpo' is 0, and nothing is left to optimize; give one loss a weight above 0"
    }
  }

  @Test func hyperparametersThatLeaveColumnsOutAreNumbersInWhatIsExported() throws {
    let exported = try ExportedFormula(Objective("cpo(nll_weight=0)", in: registry), responses: 2, references: nil)
    #expect(exported.parameters.map(\.name) == ["beta", "label_smoothing"])
    #expect(exported.columns.map(\.name) == ["policy_logp"])
  }

  /// The chain calls the parts' functions, which read all declared columns.
  @Test func theChainAsksForWhatItsPartsRead() throws {
    let chain = try Objective("cpo(nll_weight=0)", in: registry).unfused()
    #expect(chain.columns.map(\.name) == ["policy_logp", "token_count"])
  }

  @Test func aZeroHasAMeaningWhereThereIsOneReference() throws {
    let batch = Batch(
      prompts: 2, columns: ["policy_logp": [-10, -11, -12, -14], "reference_logp": [-11, -11, -11, -12]])
    var state: [Double] = []
    let objective = try Objective("cal-dpo(beta=0.1) @ momentum-reference(momentum=0)", in: registry)
    #expect(objective.referenceCount == 1)
    let found = try objective.evaluate(batch, state: &state)
    let expected = try Objective("cal-dpo(beta=0.1)", in: registry).evaluate(batch, state: &state)
    #expect(worstError(found.loss, expected.loss) < 1e-14)
    for (reward, words) in [
      ("momentum-reference", "compares several references"), ("log-odds", "has no zero at the reference"),
      ("{response.policy_logp}", "has no zero at the reference"),
      ("{response.policy_logp - w*response.reference_logp}(w=0.5)", "has no zero at the reference"),
    ] {
      #expect {
        try Objective("cal-dpo @ \(reward)", in: registry)
      } throws: {
        "\($0)".hasPrefix("cal-dpo looks at absolute rewards, and ") && "\($0)".contains(words)
      }
    }
    // At other values the same formulas are valid.
    _ = try Objective("cal-dpo @ {response.policy_logp - w*response.reference_logp}(w=1)", in: registry)
    _ = try Objective("{square(chosen.reward - w*rejected.reward)}(w=1) @ log-odds", in: registry)
    #expect(throws: Failure.self) {
      try Objective("{square(chosen.reward - w*rejected.reward)}(w=2) @ log-odds", in: registry)
    }
  }
}
