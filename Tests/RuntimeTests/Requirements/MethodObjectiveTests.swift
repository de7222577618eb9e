import CLossKit
import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Objectives that need special support by the host: mismatched responses, and rewards that are sums over tokens.
@Suite struct MethodObjectiveTests {
  private let registry: PluginRegistry

  init() throws { registry = try BuiltPlugins.registry() }

  private func part(_ type: any Component.Type) throws -> Objective.Part {
    let descriptor = try #require(try components(of: Plugin.export(type, error: nil)).first)
    let component = try LoadedComponent(descriptor, library: "tests")
    return Objective.Part(component: component, values: component.parameters.map(\.initial))
  }

  private func part(_ kind: LoadedComponent.Kind, _ name: String) throws -> Objective.Part {
    let component = try registry.component(named: name, kind: kind)
    return Objective.Part(component: component, values: component.parameters.map(\.initial))
  }

  @Test(arguments: ["log-ratio", "mean-log-ratio"])
  func mismatchedRewardsAreMadeByTheObjectivesOwnParameterization(name: String) throws {
    let reward = try part(.reward, name)
    let fused = try Objective(terms: [.init(weight: 1, loss: part(KTO.self))], reward: reward)
    #expect(fused.isFused && !fused.isRowwise)
    #expect(fused.responses == 1...1)
    var numbers = SeededNumbers(seed: 3)
    var batch = Batch(prompts: 9, responses: 1)
    batch.columns["label"] = (0..<9).map { Double($0 % 2) }
    for prefix in ["", "mismatched_"] {
      batch.columns[prefix + "policy_logp"] = numbers.normals(9, mean: -20)
      batch.columns[prefix + "reference_logp"] = numbers.normals(9, mean: prefix.isEmpty ? -20 : -23)
      batch.columns[prefix + "token_count"] = (0..<9).map { Double($0 + 3) }
    }
    #expect(Set(fused.columns.map(\.name)).isSubset(of: batch.columns.keys))
    func ratios(_ prefix: String) -> [Double] {
      func column(_ name: String) -> [Double] { batch.columns[prefix + name] ?? [] }
      let ratios = zip(column("policy_logp"), column("reference_logp")).map { $0 - $1 }
      return name == "log-ratio" ? ratios : zip(ratios, column("token_count")).map { $0 / $1 }
    }
    let anchor = max(0, ratios("mismatched_").reduce(0, +) / 9)
    #expect(anchor > 0)
    for objective in [fused, try fused.unfused()] {
      var state: [Double] = []
      let evaluation = try objective.evaluate(batch, state: &state)
      let expected = ratios("").enumerated().map { row, ratio in
        Operation.sigmoid((row % 2 == 1 ? -0.1 : 0.1) * (ratio - anchor))
      }
      #expect(worstError(evaluation.loss, expected) < 1e-13)
      #expect(worstError(evaluation.reward, ratios("")) < 1e-13)
      #expect(evaluation.gradients["mismatched_policy_logp"] == Array(repeating: 0, count: 9))
      let found = try #require(evaluation.gradients["policy_logp"])
      for row in 0..<9 {
        let slope = (row % 2 == 1 ? -0.1 : 0.1) * expected[row] * (1 - expected[row])
        #expect(relativeError(found[row], name == "log-ratio" ? slope : slope / Double(row + 3), scale: 0.01) < 1e-12)
      }
    }
  }

  @Test func aTokenwiseRewardUnderALossOfTheRegistryTakesTheGradientBackToTheTokens() throws {
    let objective = try Objective(
      terms: [.init(weight: 1, loss: part(.loss, "dpo"))], reward: part(.reward, "length-desensitized"))
    var numbers = SeededNumbers(seed: 4)
    let lengths = [3, 1, 6, 2, 2, 4, 5, 1]
    var batch = Batch(prompts: 4)
    batch.tokenOffsets = lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
    let policy = numbers.normals(24, mean: -2)
    let reference = numbers.normals(24, mean: -2)
    batch.columns = ["policy_token_logp": policy, "reference_token_logp": reference]
    var state: [Double] = []
    let evaluation = try objective.evaluate(batch, state: &state)
    let gradient = try #require(evaluation.gradients["policy_token_logp"])
    var token = 0
    var rewards: [Double] = []
    var weights: [[Double]] = []
    for (row, length) in lengths.enumerated() {
      let shortest = min(length, lengths[(row + 4) % 8])
      weights.append((0..<length).map { $0 < shortest ? 1 : 0.5 })
      rewards.append(
        weights[row].indices.reduce(0) { $0 + weights[row][$1] * (policy[token + $1] - reference[token + $1]) })
      token += length
    }
    #expect(worstError(evaluation.reward, rewards) < 1e-13)
    let margins = (0..<4).map { 0.1 * (rewards[$0] - rewards[4 + $0]) }
    #expect(worstError(evaluation.loss, margins.map { Operation.softplus(-$0) }) < 1e-13)
    let pulls = margins.map { -0.1 * Operation.sigmoid(-$0) }
    let expected = weights.enumerated().flatMap { row, own in
      own.map { $0 * (row < 4 ? pulls[row] : -pulls[row - 4]) }
    }
    #expect(worstError(gradient, expected) < 1e-13)
  }
}
