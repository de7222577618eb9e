import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Objectives as ordinary C functions.
@Suite struct ObjectiveFunctionTests {
  typealias Input = UnsafePointer<Double>?
  typealias Output = UnsafeMutablePointer<Double>?

  private let registry: PluginRegistry

  init() throws { registry = try BuiltPlugins.registry() }

  private func function(_ objective: String, _ prototype: String) throws -> ObjectiveFunction {
    try ObjectiveFunction(Objective(objective, in: registry), prototype: prototype)
  }

  /// Loss and derivatives of pairs with these rewards.
  private func expected(
    _ objective: String, chosen: [Double], rejected: [Double]
  ) throws -> (loss: [Double], chosen: [Double], rejected: [Double]) {
    let count = chosen.count
    let batch = Batch(
      prompts: count,
      columns: [
        "policy_logp": chosen + rejected, "reference_logp": [Double](repeating: 0, count: 2 * count),
      ])
    var state: [Double] = []
    let evaluation = try Objective("\(objective) @ log-ratio", in: registry).evaluate(batch, state: &state)
    let gradient = try #require(evaluation.gradients["policy_logp"])
    return (evaluation.loss, Array(gradient.prefix(count)), Array(gradient.suffix(count)))
  }

  @Test(arguments: ["dpo(beta=0.3)", "cal-dpo(beta=0.2)", "0.5*ipo(beta=0.4) + hinge(beta=1)"])
  func ofTwoRewards(_ objective: String) throws {
    let plain = try function(objective, "double (*)(double chosen_reward, double rejected_reward)")
    let call = unsafeBitCast(plain.pointer, to: (@convention(c) (Double, Double) -> Double).self)
    let full = try function(
      objective,
      "double f(double chosen_reward, double rejected_reward, double *d_chosen_reward, double *d_rejected_reward)")
    let callFull = unsafeBitCast(
      full.pointer, to: (@convention(c) (Double, Double, Output, Output) -> Double).self)
    for (chosen, rejected) in [(1.5, -0.5), (-3, 4), (0, 0)] {
      let expected = try expected(objective, chosen: [chosen], rejected: [rejected])
      var (d, e) = (0.0, 0.0)
      #expect(call(chosen, rejected) == expected.loss[0])
      #expect(callFull(chosen, rejected, &d, &e) == expected.loss[0])
      #expect(d == expected.chosen[0] && e == expected.rejected[0])
      #expect(callFull(chosen, rejected, nil, nil) == expected.loss[0])
    }
    #expect(plain.takeFailure() == nil && full.takeFailure() == nil)
  }

  @Test func ofABatchAndInSinglePrecision() throws {
    let function = try function(
      "dpo(beta=0.3)",
      "void f(size_t n, const double *chosen_reward, const float *rejected_reward, float *loss, double *d_chosen_reward)"
    )
    let call = unsafeBitCast(
      function.pointer,
      to: (@convention(c) (Int, Input, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Output) -> Void).self)
    let chosen = [1.0, -2, 3], rejected = [0.5, 0.25, -4.0]
    let expected = try expected("dpo(beta=0.3)", chosen: chosen, rejected: rejected)
    var loss = [Float](repeating: 0, count: 3), slopes = [Double](repeating: 0, count: 3)
    call(3, chosen, rejected.map { Float($0) }, &loss, &slopes)
    #expect(loss == expected.loss.map { Float($0) } && slopes == expected.chosen)
    call(0, nil, nil, nil, nil)
    #expect(function.takeFailure() == nil)
  }

  @Test func ofTheColumnsOfTheObjective() throws {
    let prototype =
      "void f(const double *chosen_policy_logp, double rejected_policy_logp, double chosen_reference_logp, "
      + "double rejected_reference_logp, double *loss)"
    let function = try function("dpo(beta=0.3)", prototype)
    let call = unsafeBitCast(
      function.pointer, to: (@convention(c) (Input, Double, Double, Double, Output) -> Void).self)
    var (policy, loss) = (-3.0, 0.0)
    call(&policy, -5, -4, -4.5, &loss)
    #expect(loss == (try expected("dpo(beta=0.3)", chosen: [1], rejected: [-0.5]).loss[0]))
  }

  @Test func ofASingleResponse() throws {
    try registry.register(
      FunctionDeclaration(name: "single", kind: .loss, prototype: "double f(double reward, int32_t label)"),
      function: Functions.single)
    let function = try function("single", "float (*)(double reward, int64_t label)")
    let call = unsafeBitCast(function.pointer, to: (@convention(c) (Double, Int64) -> Float).self)
    #expect(call(2.5, 1) == -2.5 && call(2.5, 0) == 2.5)
  }

  @Test func whatFailsIsNaNAndKeptToBeAskedFor() throws {
    try registry.register(
      FunctionDeclaration(name: "rootless", kind: .loss, prototype: "double root(double chosen_reward)"),
      function: Functions.root)
    let function = try function(
      "rootless", "double f(double chosen_reward, double rejected_reward, double *d_chosen_reward)")
    let call = unsafeBitCast(
      function.pointer, to: (@convention(c) (Double, Double, Output) -> Double).self)
    var slope = 0.0
    #expect(call(-1, 0, &slope).isNaN && slope.isNaN)
    #expect(function.takeFailure()?.message.contains("root is NaN for prompt 1") == true)
    #expect(function.takeFailure() == nil)
    #expect(call(.nan, 0, nil).isNaN)
    #expect(function.takeFailure()?.message.contains("expected a finite number") == true)
    #expect(call(4, 0, &slope) == 2 && relativeError(slope, 0.25) < 1e-9)
    #expect(function.takeFailure() == nil)
  }

  @Test(arguments: [
    ("dpo", "double f(double chosen_reward)", "the objective reads 'rejected_reward', and no argument gives it"),
    ("dpo", "double f(double chosen_rewart, double b)", "unknown argument 'chosen_rewart'; did you mean"),
    ("dpo", "double f(double *chosen_reward)", "prototype, column 18: 'chosen_reward' is read; write 'const'"),
    ("dpo", "double f(double chosen_reward, double beta = 1)", "an objective's hyperparameters are set in its text"),
    ("dpo", "void f(double chosen_reward, double rejected_reward)", "it gives no loss; return it, or add"),
    (
      "dpo", "double f(size_t n, const double *chosen_reward, const double *rejected_reward)",
      "with 'n' the result is void"
    ),
    ("dpo", "void f(size_t n, double chosen_reward, double *loss)", "with 'n' it is an array; write 'const double *"),
    ("dpo", "double f(double chosen_reward, double rejected_reward, double *d_beta)", "unknown output 'd_beta'"),
    ("dpo", "double f(double chosen_reward, void *user_data)", "a pointer to void stands for nothing"),
    ("sft", "double f(double chosen_reward, double rejected_reward)", "unknown argument 'chosen_reward'"),
    (
      "aot", "double f(double chosen_reward, double rejected_reward)", "compares the prompts of a batch; add 'size_t n'"
    ),
    ("dpo @ mean-log-ratio", "double f(double chosen_policy_logp)", "the objective reads 'chosen_reference_logp'"),
    ("dpo", "dobule f(double chosen_reward)", "unknown type 'dobule'; did you mean 'double'?"),
  ])
  func aPrototypeThatDoesNotFitIsRefused(objective: String, prototype: String, expected: String) {
    let found = message { try function(objective, prototype) }
    #expect(found.hasPrefix("prototype") && found.contains(expected), "\(found)")
  }

  @Test func manyMayBeMadeAndGivenBack() throws {
    let objective = try Objective("dpo", in: registry)
    for _ in 0..<2000 {
      let function = try ObjectiveFunction(
        objective, prototype: "double (*)(double chosen_reward, double rejected_reward)")
      let call = unsafeBitCast(function.pointer, to: (@convention(c) (Double, Double) -> Double).self)
      #expect(call(1, 0) > 0)
    }
  }

  @Test func manyThreadsMayCallOne() async throws {
    let function = try function("dpo", "double (*)(double chosen_reward, double rejected_reward)")
    await withTaskGroup(of: Bool.self) { group in
      for index in 0..<16 {
        group.addTask {
          let call = unsafeBitCast(function.pointer, to: (@convention(c) (Double, Double) -> Double).self)
          let value = call(Double(index), 0)
          return (0..<200).allSatisfy { _ in call(Double(index), 0) == value }
        }
      }
      for await isSame in group { #expect(isSame) }
    }
  }
}
