import CLossKit
import LossKitTestSupport
import Testing

@testable import LossKit

/// Errors of authors, and their messages when the plugin is loaded.
@Suite struct AuthorErrorTests {
  private func message(_ type: any Component.Type) -> String {
    var error = losskit_error()
    let plugin = withUnsafeMutablePointer(to: &error) { Plugin.export(type, error: UnsafeMutableRawPointer($0)) }
    if plugin != nil { return "exported" }
    return withUnsafeBytes(of: &error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private struct RowState: PairwiseLoss {
    static let name = "row-state"
    static let state = [State("mean", \Self.mean)]
    var mean: Formula = 0
    mutating func loss(_ pair: Pair) -> Formula {
      mean = 0.9 * mean + 0.1 * pair.chosen.reward
      return mean
    }
  }

  @Test func aStateThatWouldDifferFromPromptToPrompt() {
    #expect(
      message(RowState.self)
        == "row-state: state 'mean' would differ from prompt to prompt; assign it a number of the whole batch, such as batchMean(…)"
    )
  }

  private struct RandomState: PairwiseLoss {
    static let name = "random-state"
    static let state = [State("mean", \Self.mean)]
    var mean: Formula = 0
    mutating func loss(_ pair: Pair) -> Formula {
      mean = Formula.uniform()
      return pair.chosen.reward
    }
  }

  @Test func aStateThatIsARandomNumberOfEachPrompt() {
    #expect(message(RandomState.self).hasPrefix("random-state: state 'mean' would differ from prompt to prompt"))
  }

  private struct StateOfState: PairwiseLoss {
    static let name = "state-of-state"
    static let state = [State("mean", \Self.mean)]
    var mean: Formula = batchMean(1)
    func loss(_ pair: Pair) -> Formula { pair.chosen.reward }
  }

  @Test func aStateThatDoesNotStartAsANumber() {
    #expect(message(StateOfState.self) == "state-of-state: the initial value of state 'mean' must be a number")
  }

  private struct TwoWays: PairwiseLoss {
    static let name = "two-ways"
    func loss(_ pair: Pair) -> Formula {
      pair.chosen[Column("weight")] + pair.chosen[Column("weight", per: .prompt)]
    }
  }

  @Test func aColumnDeclaredInTwoWays() {
    #expect(
      message(TwoWays.self) == "two-ways: column 'weight' is declared in two ways; declare it once and use that")
  }

  private struct BatchReward: RewardParameterization {
    static let name = "batch-reward"
    func reward(_ response: Response) -> Formula { response.logProbability - batchMean(response.logProbability) }
  }

  private struct CountReward: RewardParameterization {
    static let name = "count-reward"
    func reward(_ response: Response) -> Formula { response.logProbability / Formula.batchCount }
  }

  @Test func aRewardThatUsesTheBatch() {
    #expect(
      message(BatchReward.self)
        == "batch-reward: a reward depends on its own prompt alone; batchMean belongs in a loss")
    #expect(
      message(CountReward.self)
        == "count-reward: a reward depends on its own prompt alone; batchCount belongs in a loss")
  }

  private struct OutOfBounds: PairwiseLoss {
    static let name = "out-of-bounds"
    static let hyperparameters = [Hyperparameter("beta", \Self.beta, in: .positive, "strength")]
    var beta: Formula = 0
    func loss(_ pair: Pair) -> Formula { beta * pair.chosen.reward }
  }

  private struct NoNumber: PairwiseLoss {
    static let name = "no-number"
    static let hyperparameters = [Hyperparameter("beta", \Self.beta, in: .positive, "strength")]
    var beta: Formula = Formula.batchCount
    func loss(_ pair: Pair) -> Formula { beta * pair.chosen.reward }
  }

  @Test func aDefaultOutOfItsBounds() {
    #expect(message(OutOfBounds.self) == "out-of-bounds: the default of 'beta', 0.0, is out of its bounds")
    #expect(message(NoNumber.self) == "no-number: the default of 'beta', nan, is out of its bounds")
  }

  private struct TokensInALoss: PairwiseLoss {
    static let name = "tokens-in-a-loss"
    func loss(_ pair: Pair) -> Formula { pair.chosen[.tokenLogProbability] }
  }

  private struct ResponsesOfATokenwise: TokenwiseReward {
    static let name = "responses-of-a-tokenwise"
    func reward(_ token: Token) -> Formula { token[.logProbability] }
  }

  @Test func tokensOutsideOfATokenwiseReward() {
    #expect(
      message(TokensInALoss.self)
        == "tokens-in-a-loss: column 'policy_token_logp' is per token, which only a TokenwiseReward can read")
    #expect(
      message(ResponsesOfATokenwise.self)
        == "responses-of-a-tokenwise: column 'policy_logp' is per response, which a TokenwiseReward cannot read")
  }

  private struct SmuggledToken: PairwiseLoss {
    static let name = "smuggled-token"
    func loss(_ pair: Pair) -> Formula { Token(referenceCount: 1).index * pair.chosen.reward }
  }

  @Test func theIndexOfATokenWhereThereIsNone() {
    #expect(message(SmuggledToken.self) == "smuggled-token: tokens are known to a TokenwiseReward only")
  }

  private struct Undeclared: PairwiseLoss {
    static let name = "undeclared"
    func loss(_ pair: Pair) -> Formula { .parameter("gamma") * pair.chosen.reward }
  }

  private struct Stranger: PairwiseLoss {
    static let name = "stranger"
    func loss(_ pair: Pair) -> Formula { Formula(.state("mean")) * pair.chosen.reward }
  }

  @Test func aHyperparameterOrStateThatIsNotDeclared() {
    #expect(message(Undeclared.self) == "undeclared: the formula uses a hyperparameter 'gamma' that is not declared")
    #expect(message(Stranger.self) == "stranger: the formula uses a state 'mean' that is not declared")
  }

  private struct Sometimes: ListwiseLoss {
    static let name = "sometimes"
    func loss(_ ranking: Ranking) -> Formula {
      ranking.count > 2 ? ranking[2].score * ranking[0].reward : ranking[0].reward
    }
  }

  @Test func aColumnThatOnlySomeNumbersOfResponsesRead() throws {
    let component = try #require(try components(of: Plugin.export(Sometimes.self, error: nil)).first)
    var call = ComponentCall(component, prompts: 1, responses: 3)
    call.inputs["reward"] = [1, 2, 3]
    #expect {
      try call.run()
    } throws: {
      "\($0)" == "sometimes: column 'score' is read for some numbers of responses only; read it for all"
    }
  }

  private struct ManyColumns: PairwiseLoss {
    static let name = "many-columns"
    func loss(_ pair: Pair) -> Formula { (0..<65).sum { pair.chosen[Column("c\($0)")] } }
  }

  @Test func moreColumnsThanThereAreBits() {
    #expect(message(ManyColumns.self) == "many-columns: it reads 65 columns; 64 is the most")
  }

  private struct Logarithm: PairwiseLoss {
    static let name = "logarithm"
    func loss(_ pair: Pair) -> Formula { log(pair.chosen.reward) }
  }

  @Test func aValueThatDoesNotExistNamesItsPrompt() throws {
    let component = try #require(try components(of: Plugin.export(Logarithm.self, error: nil)).first)
    var call = ComponentCall(component, prompts: 3)
    call.inputs["reward"] = [1, 2, -1, 0, 0, 0]
    do {
      _ = try call.run()
      Issue.record("the logarithm of −1 passed")
    } catch let failure as Failure {
      #expect(failure == Failure("logarithm: the value of prompt 3 is not a number; look at its columns", prompt: 2))
    }
    call.inputs["reward"] = nil
    #expect {
      try call.run()
    } throws: {
      "\($0)" == "logarithm: column 'reward' is needed and missing"
    }
  }

  private struct Clipped: PairwiseLoss {
    static let name = "clipped"
    func loss(_ pair: Pair) -> Formula { relu(1 - (pair.chosen.reward - pair.rejected.reward)) }
  }

  @Test func aLossThatIsFlatDoesNotHideARewardThatIsNoNumber() throws {
    let component = try #require(try components(of: Plugin.export(Clipped.self, error: nil)).first)
    var call = ComponentCall(component, prompts: 2)
    call.inputs["reward"] = [1, .nan, 2, 3]
    #expect {
      try call.run()
    } throws: {
      ($0 as? Failure)?.prompt == 1
    }
  }
}
