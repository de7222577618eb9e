import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Functions of the running program as losses and rewards: every form, type and way of passing.
@Suite struct RegisteredFunctionTests {
  private let registry: PluginRegistry

  init() throws { registry = try BuiltPlugins.registry() }

  private func batch(prompts: Int = 9, responses: Int = 2, counts: [UInt32]? = nil) -> Batch {
    var numbers = SeededNumbers(seed: 7)
    let rows = prompts * responses
    return Batch(
      prompts: prompts, responses: responses, counts: counts,
      columns: [
        "policy_logp": numbers.normals(rows, mean: -20, deviation: 3),
        "reference_logp": numbers.normals(rows, mean: -20, deviation: 3),
        "token_count": (0..<rows).map { Double(3 + $0 % 7) }, "score": numbers.normals(rows),
        "label": (0..<rows).map { Double($0 % 2) },
      ])
  }

  private func evaluate(_ text: String, _ batch: Batch) throws -> Evaluation {
    let objective = try Objective(text, in: registry)
    var state = objective.initialState
    return try objective.evaluate(batch, state: &state)
  }

  // MARK: Losses

  @Test func aFunctionWithItsGradientIsTheLossThatItComputes() throws {
    var declaration = Functions.sigmoidDeclaration
    declaration.gradientPrototype = Functions.sigmoidGradientPrototype
    try registry.register(declaration, function: Functions.sigmoid, gradient: Functions.sigmoidGradient)
    let batch = batch()
    let found = try evaluate("plain(beta=0.3)", batch), expected = try evaluate("dpo(beta=0.3)", batch)
    #expect(worstError(found.loss, expected.loss) < 1e-14 && worstError(found.reward, expected.reward) < 1e-14)
    #expect(worstError(found.gradients["policy_logp"] ?? [], expected.gradients["policy_logp"] ?? []) < 1e-14)
    #expect(try !Objective("plain", in: registry).hasNumericGradient)
  }

  @Test func withoutAGradientThereAreDifferencesAndTheyAreSaidToBe() throws {
    let loss = try registry.register(Functions.sigmoidDeclaration, function: Functions.sigmoid)
    #expect(loss.hasNumericGradient && loss.library == "this program")
    let batch = batch()
    let found = try evaluate("plain(beta=0.3)", batch), expected = try evaluate("dpo(beta=0.3)", batch)
    #expect(bits(found.loss) == bits(try evaluate("plain(beta=0.3) @ log-ratio", batch).loss))
    #expect(
      worstError(found.gradients["policy_logp"] ?? [], expected.gradients["policy_logp"] ?? [], scale: 0.1) < 1e-9)
    #expect(try Objective("plain", in: registry).hasNumericGradient)
    #expect(try Objective("0.5*dpo + plain", in: registry).hasNumericGradient)
  }

  @Test func theBatchFormIsCalledOnceWithTheWholeColumns() throws {
    try registry.register(
      FunctionDeclaration(
        name: "whole", kind: .loss,
        prototype: "void f(size_t n, const double *chosen_reward, const float *rejected_reward, double beta = 0.1, "
          + "float *loss, void *user_data)",
        gradientPrototype: "void g(size_t n, const double *chosen_reward, const float *rejected_reward, double beta, "
          + "double *d_chosen_reward, float *d_rejected_reward, void *user_data)"),
      function: Functions.whole, gradient: Functions.wholeGradient, userData: Functions.calls)
    let before = Functions.calls.pointee
    let batch = batch()
    let found = try evaluate("whole(beta=0.5)", batch), expected = try evaluate("ipo(beta=1)", batch)
    #expect(Functions.calls.pointee == before + 2)
    let rewards = expected.reward
    let slopes: [Double] = (0..<9).map { rewards[$0] - rewards[9 + $0] }
    let losses: [Double] = slopes.map { 0.5 * $0 * $0 }
    #expect(worstError(found.loss, losses) < 1e-6)
    #expect(worstError(found.gradients["policy_logp"] ?? [], slopes + slopes.map(-)) < 1e-6)
  }

  @Test func integersAreHandedOverAsSuchAndHyperparametersBounded() throws {
    var declaration = FunctionDeclaration(
      name: "whole-numbers", kind: .loss,
      prototype:
        "double f(size_t chosen_token_count, const int32_t *rejected_token_count, const double *chosen_policy_logp,"
        + " int64_t power = 2, float scale = 0.5)")
    declaration.hyperparameters = ["power": .init(summary: "the power", minimum: 1, maximum: 3)]
    let loss = try registry.register(declaration, function: Functions.wholeNumbers)
    #expect(
      loss.parameters.map(\.kind) == [.integer, .real] && loss.parameters[0].range == "a whole number from 1 to 3")
    #expect(loss.defaultReward == nil && loss.inputs.map(\.name) == ["token_count", "policy_logp"])
    let batch = batch(), found = try evaluate("whole-numbers(power=3)", batch)
    let counts = batch.columns["token_count"] ?? [], chosen = batch.columns["policy_logp"] ?? []
    let halves: [Double] = (0..<9).map { (counts[$0] - counts[9 + $0]) / 2 }
    let expected: [Double] = (0..<9).map { chosen[$0] * halves[$0] + 3 }
    #expect(worstError(found.loss, expected) < 1e-6)
    let slopes = halves + [Double](repeating: 0, count: 9)
    #expect(worstError(found.gradients["policy_logp"] ?? [], slopes) < 1e-6)
    #expect(
      message { try evaluate("whole-numbers(power=4)", batch) }.contains(
        "invalid value 4 for power; expected a whole number from 1 to 3"))

    var broken = batch
    broken.columns["token_count"]?[13] = 1e10
    #expect(
      message { try evaluate("whole-numbers", broken) }
        .contains("its integer argument rejected_token_count cannot be 1e+10, as it is of prompt 5"))
  }

  @Test func aLossOfOneResponseReadsItsLabel() throws {
    try registry.register(
      FunctionDeclaration(name: "single", kind: .loss, prototype: "double f(double reward, int32_t label)"),
      function: Functions.single)
    let batch = batch(responses: 1), found = try evaluate("single", batch)
    let expected = found.reward.indices.map { $0 % 2 == 1 ? -found.reward[$0] : found.reward[$0] }
    #expect(found.loss == expected)
    let slopes = (0..<9).map { $0 % 2 == 1 ? -1.0 : 1 }
    #expect(worstError(found.gradients["policy_logp"] ?? [], slopes) < 1e-9)
  }

  // MARK: Rewards

  @Test(arguments: [nil, [2, 1, 3, 3, 2, 3, 1, 2, 3] as [UInt32]?])
  func aRewardIsCalledForTheResponsesThatThereAre(counts: [UInt32]?) throws {
    var scalar = FunctionDeclaration(
      name: "scalar-link", kind: .reward, prototype: "double f(double log_ratio, double policy_logp)",
      gradientPrototype: "void g(double log_ratio, double policy_logp, double *d_log_ratio, double *d_policy_logp)")
    scalar.isZeroAtReference = true
    try registry.register(scalar, function: Functions.link, gradient: Functions.linkGradient)
    var whole = FunctionDeclaration(
      name: "whole-link", kind: .reward,
      prototype: "void f(int32_t n, const double *log_ratio, const double *policy_logp, double *reward)")
    whole.isZeroAtReference = true
    try registry.register(whole, function: Functions.wholeLink)
    let batch = batch(responses: 3, counts: counts)
    let policy = batch.columns["policy_logp"] ?? [], reference = batch.columns["reference_logp"] ?? []
    let ratio = zip(policy, reference).map { $0 - $1 }
    let isThere = policy.indices.map { $0 / 9 < batch.responseCount(ofPrompt: $0 % 9) }
    let expected: [Double] = policy.indices.map { isThere[$0] ? ratio[$0] * policy[$0] : 0 }
    var gradients: [[Double]] = []
    let cotangent: [Double] = (0..<27).map { Double($0) - 5 }
    for name in ["scalar-link", "whole-link"] {
      let reward = try registry.component(named: name, kind: .reward)
      var call = ComponentCall(reward.descriptor, prompts: 9, responses: 3)
      call.counts = counts
      call.inputs = batch.columns
      call.cotangent = cotangent
      let result = try call.run()
      #expect(worstError(result.output, expected) < 1e-14)
      gradients.append(result.gradients["policy_logp"] ?? [])
    }
    let slopes: [Double] = policy.indices.map { isThere[$0] ? cotangent[$0] * (ratio[$0] + policy[$0]) : 0 }
    #expect(worstError(gradients[0], slopes) < 1e-13 && worstError(gradients[1], slopes) < 1e-8)
  }

  // MARK: Undefined values

  @Test func aNaNIsAFailureThatNamesThePromptAndItsNumbers() throws {
    try registry.register(
      FunctionDeclaration(name: "rootless", kind: .loss, prototype: "double root(double chosen_reward)"),
      function: Functions.root)
    var batch = batch()
    batch.columns["policy_logp"] = (0..<18).map { $0 == 4 ? -12 : 1 }
    batch.columns["reference_logp"] = [Double](repeating: 0, count: 18)
    do {
      _ = try evaluate("rootless", batch)
      Issue.record("a root of a negative number was taken")
    } catch let failure as Failure {
      #expect(failure.message == "rootless: root is NaN for prompt 5 (chosen_reward = -12)")
      #expect(failure.prompt == 4)
    }
  }

  @Test func anOutputThatIsNotWrittenIsNotTakenForANumber() throws {
    try registry.register(
      FunctionDeclaration(
        name: "idle", kind: .loss, prototype: "void idle(size_t n, const double *chosen_reward, double *loss)"),
      function: Functions.idle)
    #expect(message { try evaluate("idle", batch()) }.hasPrefix("idle: idle is NaN for prompt 1 ("))
  }

  @Test func anEmptyBatchCallsNothing() throws {
    try registry.register(
      FunctionDeclaration(name: "rootless", kind: .loss, prototype: "double root(double chosen_reward)"),
      function: Functions.root)
    #expect(try evaluate("rootless", batch(prompts: 0)).loss.isEmpty)
  }

  // MARK: Names

  @Test func aNameIsTakenUntilItIsGivenBack() throws {
    let first = try registry.register(Functions.sigmoidDeclaration, function: Functions.sigmoid)
    let old = try Objective("plain", in: registry)
    #expect(
      message { try registry.register(Functions.sigmoidDeclaration, function: Functions.sigmoid) }
        == "plain: the loss of this program has this name; unregister it, or take another name")
    #expect(message { try registry.unregister("plan", kind: .loss) }.hasSuffix("did you mean 'plain'?"))
    try registry.unregister("plain", kind: .loss)
    #expect(message { try Objective("plain", in: registry) }.hasPrefix("unknown loss 'plain'"))
    let second = try registry.register(Functions.sigmoidDeclaration, function: Functions.sigmoid)
    #expect(first !== second)
    var state: [Double] = []
    #expect(try old.evaluate(batch(), state: &state).loss.count == 9)
  }

  @Test func manyThreadsMayUseOneFunction() async throws {
    try registry.register(Functions.sigmoidDeclaration, function: Functions.sigmoid)
    let objective = try Objective("plain", in: registry), batch = batch(prompts: 500)
    var state: [Double] = []
    let expected = try objective.evaluate(batch, state: &state)
    try await withThrowingTaskGroup(of: Evaluation.self) { group in
      for _ in 0..<16 {
        group.addTask {
          var state: [Double] = []
          return try objective.evaluate(batch, state: &state)
        }
      }
      for try await found in group {
        #expect(bits(found.loss) == bits(expected.loss))
        #expect(bits(found.gradients["policy_logp"] ?? []) == bits(expected.gradients["policy_logp"] ?? []))
      }
    }
  }
}
