import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// The numbers that an evaluation accepts and returns.
@Suite struct NumberRequirementTests {
  private let registry: PluginRegistry

  init() throws { registry = try BuiltPlugins.registry() }

  private func failure(_ text: String, _ batch: Batch, isFused: Bool = true) throws -> Failure? {
    let whole = try Objective(text, in: registry)
    let objective = isFused ? whole : try whole.unfused()
    var state = objective.initialState
    do {
      _ = try objective.evaluate(batch, state: &state)
      return nil
    } catch let failure as Failure {
      return failure
    }
  }

  @Test(arguments: [
    (-4.0, "-4"), (0.5, "0.5"), (.infinity, "infinity"), (.nan, "NaN"), (1e300, nil), (0x1p53, nil), (3, nil),
  ])
  func countsOfTokensAreWhole(count: Double, shown: String?) throws {
    let batch = Batch(prompts: 2, columns: ["policy_logp": [-1, -2, -3, -4], "token_count": [1, 2, 3, count]])
    let expected = shown.map {
      Failure(
        "column 'token_count' of prompt 2, response 2 is \($0); expected a whole number of tokens, 0 or more",
        prompt: 1)
    }
    #expect(try failure("simpo", batch) == expected)
  }

  @Test func labelsAndProbabilitiesAreWhatTheirNamesSay() throws {
    let rows = ["policy_logp": [-1.0, -2], "reference_logp": [-2.0, -1]]
    let labelled = Batch(prompts: 2, responses: 1, columns: rows.merging(["label": [1, 0.3]]) { $1 })
    #expect(
      try failure("{select(response.label, response.reward, 0)}", labelled)
        == Failure("column 'label' of prompt 2 is 0.3; expected 1 (desirable) or 0 (undesirable)", prompt: 1))
    let won = Batch(prompts: 1, columns: rows.merging(["win_probability": [0.5, 1.5]]) { $1 })
    #expect(
      try failure("sppo", won)
        == Failure(
          "column 'win_probability' of prompt 1, response 2 is 1.5; expected a probability from 0 to 1", prompt: 0))
  }

  @Test func whatNoPromptHasIsNotLookedAt() throws {
    var batch = Batch(prompts: 2, responses: 3, counts: [3, 2])
    batch.columns = ["policy_logp": [-1, -2, -3, -4, -5, -6], "token_count": [1, 2, 3, 4, 5, -1]]
    #expect(try failure("plackett-luce @ mean-log-probability", batch) == nil)
  }

  @Test func countsAgreeWithTheTokensThatAreThere() throws {
    var batch = Batch(prompts: 1, tokenOffsets: [0, 2, 3])
    batch.columns = [
      "policy_token_logp": [-1, -1, -1], "reference_token_logp": [-1, -2, -1], "policy_logp": [-2, -1],
      "token_count": [2, 1],
    ]
    let text = "{-logsigmoid(chosen.reward - rejected.reward) / chosen.token_count} @ length-desensitized"
    #expect(try failure(text, batch) == nil)
    batch.columns["token_count"] = [2, 5]
    #expect(
      try failure(text, batch)
        == Failure(
          "column 'token_count' of prompt 1, response 2 is 5, and the token offsets give that response 1; make them agree",
          prompt: 0))
  }

  @Test(arguments: [true, false])
  func whatComesOutIsFiniteOnEveryPath(isFused: Bool) throws {
    let far = Batch(
      prompts: 2, columns: ["policy_logp": [-1, -1.7e308, -1, 0], "reference_logp": [0, 1.7e308, 0, 0]])
    #expect(
      try failure("dpo", far, isFused: isFused)
        == Failure("dpo: the loss of prompt 2 is infinity; look at its columns", prompt: 1))
    // Finite losses of infinite rewards.
    #expect(
      try failure("gpo-truncated-quadratic", far, isFused: isFused)?.message.hasPrefix(
        "gpo-truncated-quadratic: the ") == true)
    // Each loss is finite, and their sum is not.
    let many = Batch(prompts: 3, columns: ["policy_logp": [-1e308, -1.5e308, -1, 0, 0, 0]])
    let found = try failure("{-chosen.policy_logp}", many, isFused: isFused)
    #expect(found?.prompt == 1)
    #expect(
      found?.message.hasSuffix(
        "the losses of 3 prompts add up to infinity, and have no mean; the largest is 1.5e+308, of prompt 2; look at its columns"
      )
        == true, "\(found?.message ?? "none")")
  }
}
