import LossKit
import LossKitTestSupport
import Testing

@testable import LossKitRuntime

/// Properties of methods beyond the golden sets: random draws, state over several batches, identities, errors, limits.
@Suite struct MethodRecordTests {
  private let registry: PluginRegistry
  private let inputs: GoldenInputs

  init() throws {
    registry = try BuiltPlugins.registry()
    inputs = try GoldenInputs()
  }

  private func evaluate(
    _ text: String, _ batch: Batch, seed: UInt64 = 0
  ) throws -> (loss: [Double], gradient: [Double], state: [Double]) {
    let objective = try Objective(text, in: registry)
    var state = objective.initialState
    let evaluation = try objective.evaluate(batch, state: &state, seed: seed)
    return (evaluation.loss, try #require(evaluation.gradients["policy_logp"]), state)
  }

  /// The record of junkangwu/beta-DPO's first step has one draw of four pairs out of six.
  @Test func betaDPOFollowsTheAuthorsFirstStepForTheDrawTheyHad() throws {
    struct Draw: Decodable {
      var loss, gradient: [Double]
    }
    let record: Draw = try Fixtures.read("draw.json")
    let (loss, gradient) = (record.loss, record.gradient)
    let batch = try inputs.batch("authors")
    var agreements = 0
    for seed in 0..<300 as Range<UInt64> {
      let found = try evaluate("beta-dpo(beta=0.1,alpha=0.6)", batch, seed: seed)
      let kept = found.loss.indices.filter { found.loss[$0] != 0 }
      #expect(kept.count == 4)
      guard relativeError(found.loss[kept[0]] * 4 / 6, loss[kept[0]]) < 1e-10 else { continue }
      agreements += 1
      for pair in kept {
        #expect(relativeError(found.loss[pair] * 4 / 6, loss[pair]) < 1e-10)
        for row in [pair, pair + 6] { #expect(relativeError(found.gradient[row] * 4 / 6, gradient[row]) < 1e-10) }
      }
    }
    #expect(agreements > 0)
  }

  @Test func betaDPOKeepsAllPairsOrTheOnlyOne() throws {
    let batch = try inputs.batch("authors")
    #expect(try evaluate("beta-dpo(mode_weight=0)", batch).loss.allSatisfy { $0 > 0 })
    var one = Batch(prompts: 1)
    one.columns = ["policy_logp": [-3, -4], "reference_logp": [-3.5, -3]]
    for text in ["beta-dpo", "alpha-dpo"] {
      one.columns["token_count"] = [4, 6]
      let found = try evaluate(text, one)
      #expect(found.loss[0].isFinite && found.gradient.allSatisfy { $0.isFinite && $0 != 0 })
      #expect(found.state[1] == 0)
    }
  }

  @Test func theFactorOfDPOShiftMovesWithTheBatches() throws {
    let batch = try inputs.batch("authors")
    let objective = try Objective(
      "dpo-shift(lambda=0.5,final_lambda=1,steps=2,schedule=linear,beta=0.1)", in: registry)
    var state = objective.initialState
    for factor in [0.5, 0.75, 1, 1] {
      let fixed = try evaluate("dpo-shift(beta=0.1,lambda=\(factor))", batch)
      #expect(worstError(try objective.evaluate(batch, state: &state).loss, fixed.loss) < 1e-14)
    }
    #expect(state == [4])
  }

  @Test(arguments: [
    ("plackett-luce(beta=0.1)", ["dpo(beta=0.1)"]), ("info-nca(beta=0.1,temperature=0.0001)", ["dpo(beta=0.1)"]),
    ("nca(beta=0.1,temperature=0.0001)", ["nca-pair(beta=0.1)"]),
    ("rs-dpo(beta=0.1,eta=0.5)", ["dpo(beta=0.1)"]), ("robust-dpo(beta=0.1,label_smoothing=0)", ["dpo(beta=0.1)"]),
    ("f-dpo(beta=0.1,alpha=0)", ["dpo(beta=0.1)"]), ("f-dpo(beta=0.1,alpha=1)", ["dpo(beta=0.1) @ forward-kl"]),
    ("h-dpo(beta=0.1,alpha=1)", ["dpo(beta=0.1)"]), ("dpo-shift(beta=0.1,lambda=1)", ["dpo(beta=0.1)"]),
    ("dr-dpo(beta=0.1,beta_prime=1e9)", ["dpo(beta=0.1)"]),
    ("cal-dpo(beta=0.1)", ["dpo(beta=1)", "sppo-hard(beta=0.1)"]),
    ("cal-ipo(beta=0.1)", ["ipo(beta=0.1)", "sppo-hard(beta=0.1)"]),
    ("cal-slic(beta=0.1)", ["hinge(beta=0.1)", "sppo-hard(beta=0.1)"]),
    ("cpo(beta=0.1)", ["dpo(beta=0.1) @ log-probability", "sft(per=batch-token)"]),
    ("slic(delta=1)", ["hinge(beta=1) @ log-probability", "0.1*sft"]),
    ("cpo-simpo(beta=2,gamma=1,nll_weight=0)", ["simpo(beta=2,gamma_beta_ratio=0.5)"]),
    ("weighted-mle(beta=0.001)", ["sft"]), ("alpha-po(alpha=0)", ["simpo(beta=2.5,gamma_beta_ratio=0.04)"]),
    ("dpo(beta=0.1) @ momentum-reference(momentum=0)", ["dpo(beta=0.1)"]),
  ])
  func whatIsTheSameByAnotherName(text: String, parts: [String]) throws {
    var batch = try inputs.batch("exact pairs")
    if text.contains("momentum") {
      batch.references = 2
      let reference = batch.columns["reference_logp"] ?? []
      batch.columns["reference_logp"] = reference + reference.map { $0 - 1 }
    }
    let whole = try evaluate(text, batch)
    var mean = 0.0
    var gradient = [Double](repeating: 0, count: whole.gradient.count)
    for part in parts {
      let found = try evaluate(part, batch)
      mean += found.loss.reduce(0, +)
      gradient = zip(gradient, found.gradient).map(+)
    }
    let tolerance = text.hasPrefix("dr-dpo") ? 1e-7 : 1e-11
    #expect(relativeError(whole.loss.reduce(0, +), mean) < tolerance)
    #expect(worstError(whole.gradient, gradient) < tolerance)
  }

  /// A listwise method for two responses equals its pairwise form, if scores or win probabilities match.
  @Test(arguments: [
    (
      "exo(beta=0.3,score_temperature=0.5)", 1.0,
      "exo-pair(beta=0.3,label_smoothing=0.1192029220221176,normalized=true)"
    ),
    ("info-nca(beta=0.3,temperature=0.5)", 1, "dpo(beta=0.3,label_smoothing=0.1192029220221176)"),
    ("sppo(beta=0.3)", 2, "sppo-hard(beta=0.3)"),
  ])
  func aListwiseMethodOfTwoResponsesIsThePairForm(text: String, factor: Double, pair: String) throws {
    var batch = try inputs.batch("exact pairs")
    batch.columns["score"] = (0..<2 * batch.prompts).map { $0 < batch.prompts ? 1.5 : 0.5 }
    batch.columns["win_probability"] = (0..<2 * batch.prompts).map { $0 < batch.prompts ? 1 : 0 }
    let list = try evaluate(text, batch)
    let two = try evaluate(pair, batch)
    #expect(worstError(list.loss.map { factor * $0 }, two.loss) < 1e-12)
    #expect(worstError(list.gradient.map { factor * $0 }, two.gradient) < 1e-12)
  }

  /// Responses of equal score: a softmax gives them equal shares, a threshold excludes the pair, and ranks follow their order.
  @Test func tiesInScoresFollowTheStatedRule() throws {
    var batch = Batch(prompts: 1, responses: 3)
    batch.columns = [
      "policy_logp": [-3, -4, -5], "reference_logp": [-3.5, -3, -4], "score": [1, 1, 1], "token_count": [3, 4, 5],
    ]
    var swapped = batch
    swapped.columns["policy_logp"] = [-4, -3, -5]
    swapped.columns["reference_logp"] = [-3, -3.5, -4]
    for text in ["exo", "info-nca", "nca", "rlhf", "weighted-mle(rewards=score)"] {
      let (one, other) = (try evaluate(text, batch), try evaluate(text, swapped))
      #expect(worstError(one.loss, other.loss) < 1e-14, "\(text): the order of equal scores does not matter")
      #expect(worstError(one.gradient, [1, 0, 2].map { other.gradient[$0] }) < 1e-14)
    }
    #expect(try evaluate("rs-dpo", batch).loss == [0])
    #expect(try evaluate("rs-dpo", batch).gradient == [0, 0, 0])
    #expect(try evaluate("rs-dpo(eta=0.5)", batch).loss == [0])
    for text in ["plackett-luce", "weighted-mle"] {
      #expect(try evaluate(text, batch).loss != evaluate(text, swapped).loss, "\(text): ties are in the order given")
    }
  }

  @Test func rankingsOfDifferentLengthShareTheNumberOfPairsOfRSDPO() throws {
    var numbers = SeededNumbers(seed: 8)
    let counts: [UInt32] = [2, 5, 3, 2, 5, 4]
    var batch = Batch(prompts: 6, responses: 5)
    batch.counts = counts
    let rewards = numbers.normals(30)
    let scores = numbers.normals(30, deviation: 2)
    batch.columns = ["policy_logp": rewards, "reference_logp": Array(repeating: 0, count: 30), "score": scores]
    let found = try evaluate("rs-dpo(beta=0.1,eta=0.85)", batch)
    // Written out: the number of selected pairs is a mean over all prompts, of any length.
    var totals = [Double](repeating: 0, count: 6)
    var slopes = [Double](repeating: 0, count: 30)
    var taken = 0.0
    for (prompt, count) in counts.enumerated() {
      for a in 0..<Int(count) {
        for b in 0..<Int(count) where a != b {
          let (first, second) = (a * 6 + prompt, b * 6 + prompt)
          guard Operation.sigmoid(scores[first] - scores[second]) > 0.85 else { continue }
          taken += 1
          let margin = 0.1 * (rewards[first] - rewards[second])
          totals[prompt] += Operation.softplus(-margin)
          slopes[first] -= 0.1 * Operation.sigmoid(-margin)
          slopes[second] += 0.1 * Operation.sigmoid(-margin)
        }
      }
    }
    #expect(taken > 3)
    #expect(worstError(found.loss, totals.map { $0 * 6 / taken }) < 1e-12)
    #expect(worstError(found.gradient, slopes.map { $0 * 6 / taken }) < 1e-12)
  }

  @Test(
    arguments: ["cal-dpo", "sppo-hard", "nca-pair", "apo-zero"], ["momentum-reference", "multi-reference", "log-odds"])
  func absoluteRewardsOverAReferenceWithoutAZeroAreRefused(loss: String, reward: String) throws {
    #expect(throws: Failure.self) { try Objective("\(loss) @ \(reward)", in: registry) }
    #expect(throws: Never.self) { try Objective("dpo @ \(reward)", in: registry) }
  }

  @Test func ktoWithoutMismatchedResponsesSaysWhatIsMissing() throws {
    var batch = Batch(prompts: 2, responses: 1)
    batch.columns = ["policy_logp": [-3, -4], "reference_logp": [-3.5, -3], "label": [1, 0]]
    let failure = #expect(throws: Failure.self) { try evaluate("kto", batch) }
    #expect("\(failure.map { "\($0)" } ?? "")".contains("mismatched_"))
    #expect(try evaluate("kto(anchored=false)", batch).loss.count == 2)
  }

  /// Theorem 4.1 of arXiv:2410.06293: over an enumerated set of responses, iterating to the optimum of each step gives
  /// π̂_(t+1) ∝ π_ref exp(Σ (1 − a^(t+1−i))/(1 − a) · r_i/β); at each the gradient of DPO against the extrapolated reference,
  /// with the soft label of the step's reward, is 0.
  @Test func theMomentumReferenceHasTheFixedPointOfItsTheorem() throws {
    let (a, beta) = (0.3, 0.5)
    let reference = [-1.2, -0.9]
    let rewards = [[0.4, -0.3], [0.7, 0.1], [-0.2, 0.5]]
    func iterate(_ steps: Int) -> [Double] {
      var values = reference
      for i in 0..<steps {
        let decay = (0..<steps - i).reduce(1.0) { product, _ in product * a }
        for response in 0..<2 { values[response] += (1 - decay) / (1 - a) * rewards[i][response] / beta }
      }
      return values
    }
    for step in 0..<3 {
      var batch = Batch(prompts: 1, responses: 2, references: 2)
      batch.columns = [
        "policy_logp": iterate(step + 1), "reference_logp": iterate(step) + iterate(max(step - 1, 0)),
      ]
      let objective = try Objective("apo-momentum(momentum=\(a),beta=\(beta))", in: registry)
      var state: [Double] = []
      let found = try objective.evaluate(batch, state: &state).reward
      let gap = rewards[step][0] - rewards[step][1]
      #expect(abs(beta * (found[0] - found[1]) - gap) < 1e-14)
    }
  }

  @Test func rlhfIsLeastAtThePolicyThatDPOAimsAt() throws {
    let reference = [-1.0, -2, -0.5]
    let scores = [0.3, 1.2, -0.4]
    var batch = Batch(prompts: 1, responses: 3)
    batch.columns = ["reference_logp": reference, "score": scores]
    batch.columns["policy_logp"] = zip(reference, scores).map { $0 + $1 / 0.1 }
    let found = try evaluate("rlhf(beta=0.1)", batch)
    #expect(found.gradient.allSatisfy { abs($0) < 1e-13 })
  }
}
