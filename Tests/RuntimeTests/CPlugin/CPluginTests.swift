import Foundation
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// The plugin ABI from C: the header with strict compilers, and a plugin that uses every feature of components, compiled against today's
/// header and against that of 1.0.0.
@Suite struct CPluginTests {
  let workshop: PluginWorkshop

  init() throws { workshop = try PluginWorkshop() }

  private static let strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

  @Test(arguments: ["losskit_plugin.h", "losskit_authoring.h"], [("c", "c11"), ("c++", "c++17")])
  func aHeaderCompilesWithoutAWarning(name: String, compilation: (language: String, standard: String)) throws {
    let headers = PluginWorkshop.Headers.today.path
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments =
      ["cc", "-x", compilation.language, "-std=\(compilation.standard)", "-fsyntax-only", "-I", headers] + Self.strict
      + ["\(headers)/\(name)"]
    try compiler.run()
    compiler.waitUntilExit()
    #expect(compiler.terminationStatus == 0)
  }

  private func registry(_ headers: PluginWorkshop.Headers) throws -> PluginRegistry {
    let source = try String(contentsOfFile: PluginWorkshop.package + "/Tests/ABI/components.c", encoding: .utf8)
    let library = try workshop.build(source, as: "libcomponents.so", options: Self.strict + ["-lm"], headers: headers)
    let registry = try BuiltPlugins.registry()
    try registry.open(path: library)
    return registry
  }

  private func batch(_ numbers: inout SeededNumbers, prompts: Int = 7, responses: Int = 2) -> Batch {
    let rows = prompts * responses
    return Batch(
      prompts: prompts, responses: responses, references: 2,
      columns: [
        "policy_logp": numbers.normals(rows, mean: -20), "reference_logp": numbers.normals(2 * rows, mean: -20),
      ])
  }

  private func rewards(_ batch: Batch) throws -> [Double] {
    let policy = try #require(batch.columns["policy_logp"]), reference = try #require(batch.columns["reference_logp"])
    return policy.indices.map { policy[$0] - (reference[$0] + reference[policy.count + $0]) / 2 }
  }

  @Test(arguments: PluginWorkshop.Headers.allCases)
  func aBatchCoupledLossWithStateSeedAndOptionalColumnKeepsToTheABI(headers: PluginWorkshop.Headers) throws {
    let objective = try Objective(
      "coupled-hinge(power=2,random=true,shape=squared) @ two-references", in: registry(headers))
    #expect(!objective.isFused && !objective.isRowwise)
    #expect(objective.referenceCount == 2)
    #expect(objective.rewardScale == 0.5)
    var numbers = SeededNumbers(seed: 11)
    var state = objective.initialState
    var means: [Double] = []
    for step in 0..<3 {
      var batch = batch(&numbers)
      if step == 1 { batch.columns["margin"] = numbers.normals(7) }
      let rewards = try rewards(batch)
      let evaluation = try objective.evaluate(batch, state: &state, seed: UInt64(step))
      #expect(worstError(evaluation.reward, rewards) < 1e-14)
      let margins = (0..<7).map { 0.5 * (rewards[$0] - rewards[7 + $0]) }
      means.append(margins.reduce(0, +) / 7)
      let mean = means.reduce(0, +) / Double(means.count)
      #expect(worstError(state, [mean, Double(step + 1)]) < 1e-14)
      let gradient = try #require(evaluation.gradients["policy_logp"])
      for prompt in 0..<7 {
        let z = (batch.columns["margin"]?[prompt] ?? 1) - margins[prompt] + mean
        let weight = noise(UInt64(step), prompt)
        #expect(relativeError(evaluation.loss[prompt], weight * max(0, z) * max(0, z)) < 1e-13)
        #expect(relativeError(gradient[prompt], -weight * max(0, z)) < 1e-13)
        #expect(gradient[7 + prompt] == -gradient[prompt])
      }
      var same = state
      let other = try objective.evaluate(batch, state: &same, seed: 99)
      #expect(other.loss != evaluation.loss)
    }
  }

  /// The square of 1 plus the plugin's random number.
  private func noise(_ seed: UInt64, _ row: Int) -> Double {
    let weight = 1 + Double(SplitMix64.element(UInt64(row), ofSeed: seed) >> 11) * 0x1p-53
    return weight * weight
  }

  @Test(arguments: PluginWorkshop.Headers.allCases)
  func aRewardInCWithAFormulaIsFusedWithALossInSwift(headers: PluginWorkshop.Headers) throws {
    var numbers = SeededNumbers(seed: 12)
    let fused = try Objective("cal-dpo(beta=0.1) @ two-references", in: registry(headers))
    #expect(fused.isFused)
    let batch = batch(&numbers)
    var state: [Double] = []
    let a = try fused.evaluate(batch, state: &state)
    let b = try fused.unfused().evaluate(batch, state: &state)
    #expect(worstError(a.loss, b.loss) < 1e-14)
    #expect(worstError(a.gradients["policy_logp"] ?? [], b.gradients["policy_logp"] ?? []) < 1e-13)
    #expect(try worstError(a.reward, rewards(batch)) < 1e-14)
  }

  @Test(arguments: PluginWorkshop.Headers.allCases)
  func eachOperationOfAFormulaIsWhatItIsInC(headers: PluginWorkshop.Headers) throws {
    var numbers = SeededNumbers(seed: 15)
    let registry = try registry(headers)
    let fused = try Objective("every-operation(beta=0.7) @ two-references", in: registry)
    #expect(fused.isFused && !fused.isRowwise)
    var states = [fused.initialState, fused.initialState]
    for step in 0..<3 {
      let batch = batch(&numbers, prompts: 60)
      let a = try fused.evaluate(batch, state: &states[0], seed: UInt64(step))
      let b = try fused.unfused().evaluate(batch, state: &states[1], seed: 9)
      #expect(worstError(a.loss, b.loss) < 1e-13)
      #expect(worstError(a.gradients["policy_logp"] ?? [], b.gradients["policy_logp"] ?? []) < 1e-13)
      #expect(states == [[Double(step + 1)], [Double(step + 1)]])
    }
  }

  @Test(arguments: PluginWorkshop.Headers.allCases)
  func eachOperationOfTokensIsWhatItIsInC(headers: PluginWorkshop.Headers) throws {
    var numbers = SeededNumbers(seed: 16)
    let fused = try Objective("dpo(beta=0.1) @ weighted-tokens", in: registry(headers))
    let offsets = [0, 3, 7, 8, 12, 17, 19]
    let batch = Batch(
      prompts: 3, responses: 2, references: 1, tokenOffsets: offsets,
      columns: ["policy_token_logp": numbers.normals(19), "reference_token_logp": numbers.normals(19)])
    var state: [Double] = []
    let a = try fused.evaluate(batch, state: &state, seed: 1)
    let b = try fused.unfused().evaluate(batch, state: &state, seed: 2)
    #expect(worstError(a.reward, b.reward) < 1e-14 && worstError(a.loss, b.loss) < 1e-14)
    let gradient = try #require(a.gradients["policy_token_logp"])
    #expect(worstError(gradient, b.gradients["policy_token_logp"] ?? []) < 1e-13)
    // The first response has 3 tokens, and so has the shortest of its prompt: the factor of a token is its index.
    let policy = try #require(batch.columns["policy_token_logp"])
    let reference = try #require(batch.columns["reference_token_logp"])
    var reward = 0.0
    for token in 0..<3 { reward += Double(token + 1) * (policy[token] - reference[token]) }
    #expect(relativeError(a.reward[0], reward) < 1e-14)
    #expect(relativeError(gradient[1], 2 * gradient[0]) < 1e-14)
  }

  @Test(arguments: PluginWorkshop.Headers.allCases)
  func differencesAreTheGradientOfALossThatHasNone(headers: PluginWorkshop.Headers) throws {
    var numbers = SeededNumbers(seed: 17)
    let registry = try registry(headers)
    let numeric = try Objective("numeric-logistic(beta=0.1) @ log-ratio", in: registry)
    #expect(numeric.hasNumericGradient)
    var batch = batch(&numbers)
    batch.references = 1
    batch.columns["reference_logp"] = numbers.normals(14, mean: -20)
    var state: [Double] = []
    let a = try numeric.evaluate(batch, state: &state)
    let b = try Objective("dpo(beta=0.1)", in: registry).evaluate(batch, state: &state)
    #expect(worstError(a.loss, b.loss) < 1e-14)
    #expect(worstError(a.gradients["policy_logp"] ?? [], b.gradients["policy_logp"] ?? []) < 1e-8)
  }

  @Test(arguments: PluginWorkshop.Headers.allCases)
  func aListwiseLossInCTakesRankingsOfDifferentLength(headers: PluginWorkshop.Headers) throws {
    var numbers = SeededNumbers(seed: 13)
    let objective = try Objective("spread", in: registry(headers))
    var batch = batch(&numbers, prompts: 5, responses: 4)
    batch.counts = [4, 2, 3, 2, 4]
    let rewards = try rewards(batch)
    var state: [Double] = []
    let evaluation = try objective.evaluate(batch, state: &state)
    let gradient = try #require(evaluation.gradients["policy_logp"])
    for (prompt, count) in [4, 2, 3, 2, 4].enumerated() {
      let own = (0..<count).map { rewards[$0 * 5 + prompt] }
      let mean = own.reduce(0, +) / Double(count)
      let variance = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
      #expect(relativeError(evaluation.loss[prompt], 3 * variance) < 1e-13)
      for rank in 0..<4 {
        let slope = rank < count ? 6 * (own[rank] - mean) / Double(count) : 0
        #expect(relativeError(gradient[rank * 5 + prompt], slope) < 1e-13)
      }
    }
    #expect(evaluation.reward[3 * 5 + 1] == 0)
  }

  @Test(arguments: PluginWorkshop.Headers.allCases)
  func aNamedObjectiveInCStandsForItsText(headers: PluginWorkshop.Headers) throws {
    let registry = try registry(headers)
    let named = try Objective("coupled-pair", in: registry)
    let written = try Objective("2*coupled-hinge(beta=0.25) @ two-references", in: registry)
    #expect(named.description == written.description)
    #expect(named.hash == written.hash)
  }

  @Test(arguments: PluginWorkshop.Headers.allCases)
  func anErrorInCNamesItsPrompt(headers: PluginWorkshop.Headers) throws {
    var numbers = SeededNumbers(seed: 14)
    let objective = try Objective("coupled-hinge", in: registry(headers))
    var batch = batch(&numbers)
    batch.columns["policy_logp"]?[3] = 1e7
    var state = objective.initialState
    #expect {
      try objective.evaluate(batch, state: &state)
    } throws: {
      ($0 as? Failure)
        == Failure("coupled-hinge: the reward of a chosen response is above a million", prompt: 3)
    }
    // A failed batch does not change the state.
    #expect(state == objective.initialState)
    batch.references = 1
    #expect {
      try objective.evaluate(batch, state: &state)
    } throws: {
      "\($0)".contains("the objective compares 2 references; the batch has 1")
    }
  }
}
