import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime
@testable import LossKitSource

/// Formulas as text, compared with the equivalent plugins.
@Suite struct FormulaMethodTests {
  @Test(arguments: WrittenMethods.losses)
  func aLossAsTextIsThePlugin(name: String, text: String) throws {
    let plugin = try BuiltPlugins.registry().component(named: name, kind: .loss)
    let formula = try FormulaText(parsing: text).component()
    #expect(try formula.worstDifference(from: plugin, seeds: 1..<6) < 1e-12)
    #expect(formula.isShiftInvariant == plugin.isShiftInvariant)
    #expect(formula.responses == plugin.responses)
    #expect(formula.defaultReward == (plugin.defaultReward == nil || name == "aot" ? nil : "log-ratio"))
  }

  @Test(arguments: WrittenMethods.rewards)
  func aRewardAsTextIsThePlugin(name: String, text: String) throws {
    let plugin = try BuiltPlugins.registry().component(named: name, kind: .reward)
    let formula = try FormulaText(parsing: text, as: .reward).component()
    #expect(try formula.worstDifference(from: plugin, seeds: 1..<6) < 1e-12)
    #expect(formula.isZeroAtReference == plugin.isZeroAtReference)
    #expect(formula.references == plugin.references)
  }

  /// The formula that `describe` prints of every built-in component, parsed again.
  @Test(arguments: Tested.all)
  func thePrintedFormulaReadsBack(tested: Tested) throws {
    let plugin = try tested.load()
    guard plugin.stateNames.isEmpty, plugin.name != "multi-reference" else { return }
    let responses = plugin.kind == .reward ? 1 : min(max(plugin.responses.lowerBound, 2), plugin.responses.upperBound)
    let graph = try #require(
      try plugin.formula(
        responses: responses, references: max(plugin.references.lowerBound, 1),
        values: plugin.parameters.map(\.initial)))
    let symbols = FormulaSymbols(
      columns: plugin.inputs, parameters: plugin.parameters.map(\.name),
      parameterSymbols: plugin.parameters.map(\.symbol), states: [])
    let printed = FormulaDescription(graph, columns: plugin.inputs, notation: PlainNotation(symbols))
    let used = Set(graph.nodes.filter { $0.operation == .parameter }.map(\.a))
    let values = plugin.parameters.indices.filter(used.contains).map {
      "\(plugin.parameters[$0].name)=\(plugin.parameters[$0].initial)"
    }
    // Definitions used only by the gradient are not part of the formula.
    var needed: [FormulaPrinter.Definition] = []
    var text = printed.value
    for definition in printed.definitions.reversed() where text.words.contains(definition.name) {
      needed.insert(definition, at: 0)
      text += " " + definition.text
    }
    let formula = try FormulaText(
      parsing: "{" + needed.map { "\($0.name) = \($0.text); " }.joined() + printed.value + "}"
        + (values.isEmpty ? "" : "(\(values.joined(separator: ",")))"), as: plugin.kind)
    let component = try formula.component()
    #expect(try component.worstDifference(from: plugin, seeds: 1..<3) < 1e-12, "\(formula)")
    let again = try FormulaText(parsing: formula.description, as: plugin.kind)
    #expect(again.description == formula.description)
  }

  @Test func aFormulaIsATermLikeAnyOther() throws {
    let registry = try BuiltPlugins.registry()
    let text = "{square(chosen.reward - target)}(target=5)"
    let sum = try Objective("0.5*dpo(beta=0.2) + 0.1*\(text) @ mean-log-ratio", in: registry)
    let alone = try Objective(
      "{square(chosen.reward-5.0)} @ {(response.policy_logp-response.reference_logp)/response.token_count}",
      in: registry)
    let dpo = try Objective("dpo(beta=0.2) @ mean-log-ratio", in: registry)
    #expect(sum.isFused && alone.isFused && sum.isRowwise)
    #expect(sum.rewardScale == 0.2)
    let batch = Batch(
      prompts: 2,
      columns: [
        "policy_logp": [-20, -31, -25, -28], "reference_logp": [-22, -30, -24, -29], "token_count": [4, 5, 6, 7],
      ])
    func evaluate(_ objective: Objective) throws -> Evaluation {
      var state: [Double] = []
      let fused = try objective.evaluate(batch, state: &state)
      let chain = try objective.unfused().evaluate(batch, state: &state)
      #expect(worstError(fused.loss, chain.loss) < 1e-14)
      return fused
    }
    let (whole, square, logistic) = (try evaluate(sum), try evaluate(alone), try evaluate(dpo))
    #expect(worstError(whole.loss, zip(square.loss, logistic.loss).map { 0.1 * $0 + 0.5 * $1 }) < 1e-14)
    let gradient = try #require(whole.gradients["policy_logp"])
    let parts = zip(try #require(square.gradients["policy_logp"]), try #require(logistic.gradients["policy_logp"]))
    #expect(worstError(gradient, parts.map { 0.1 * $0 + 0.5 * $1 }) < 1e-14)
  }

  @Test func theResolvedTextIsOneForAllWaysToWriteIt() throws {
    let registry = try BuiltPlugins.registry()
    let first = try Objective("{-logsigmoid(beta*(chosen.reward-rejected.reward))}(beta=0.10)", in: registry)
    let second = try Objective(
      "{ - logsigmoid( beta *(chosen . reward  -\n rejected.reward) ) ; } ( beta = 1e-1 )", in: registry)
    #expect(
      first.description == "{-logsigmoid(beta * (chosen.reward - rejected.reward))}(beta=0.1) @ log-ratio")
    #expect(second.description == first.description && second.hash == first.hash)
    #expect(try Objective(first.description, in: registry).hash == first.hash)
    #expect(first.rewardScale == 0.1)
    let other = try Objective("{-logsigmoid(beta*(chosen.reward-rejected.reward))}(beta=0.2)", in: registry)
    #expect(other.hash != first.hash)
  }

  @Test func comparisonsAreTakenAsWritten() throws {
    let batch = Batch(prompts: 5, responses: 1, columns: ["score": [1, 2, 3, 2, 2.0000000000000004]])
    let expected = [
      (">", [0.0, 0, 1, 0, 1]), ("<", [1, 0, 0, 0, 0]), (">=", [0, 1, 1, 1, 1]), ("<=", [1, 1, 0, 1, 0]),
      ("==", [0, 1, 0, 1, 0]), ("!=", [1, 0, 1, 0, 1]),
    ]
    for (sign, values) in expected {
      let objective = try Objective("{select(response.score \(sign) 2, 1, 0)}", in: PluginRegistry())
      var state: [Double] = []
      #expect(try objective.evaluate(batch, state: &state).loss == values, "\(sign)")
    }
  }

  @Test func aRankingOfAKnownLength() throws {
    let plugin = try BuiltPlugins.registry().component(named: "plackett-luce", kind: .loss)
    let formula = try FormulaText(
      parsing: """
        {a = beta * responses[0].reward; b = beta * responses[1].reward; c = beta * responses[2].reward;
         logsumexp(a, b, c) - a + logsumexp(b, c) - b}(beta=\(plugin.parameters.first { $0.name == "beta" }?.initial ?? 1))
        """
    ).component()
    #expect(formula.responses == 3...3)
    #expect(try formula.worstDifference(from: plugin, seeds: 1..<4) < 1e-12)
  }

  @Test func aLossOverAbsoluteRewardsNeedsAZero() throws {
    let registry = try BuiltPlugins.registry()
    let absolute = message {
      try Objective("{square(chosen.reward)} @ {response.policy_logp}", in: registry)
    }
    #expect(absolute.contains("looks at absolute rewards"))
    _ = try Objective("{square(chosen.reward - rejected.reward)} @ {response.policy_logp}", in: registry)
    _ = try Objective("{square(chosen.reward)} @ {response.policy_logp - response.reference_logp}", in: registry)
  }
}

extension String {
  /// The names that occur in it.
  fileprivate var words: Set<String> {
    Set(split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
  }
}
