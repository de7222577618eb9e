import LossKitTestSupport

@testable import LossKit
@testable import LossKitRuntime

/// Objectives made in the test process, as if their parts came from libraries.
enum Toy {
  /// DPO, in which pairs are independent.
  static func dpo() throws -> Objective { try objective(PairLoss.self, LogRatio.self) }
  /// A loss with batch statistics and a running state.
  static func centered() throws -> Objective { try objective(CenteredLoss.self, LogRatio.self) }
  /// DPO over rewards that are sums over tokens.
  static func tokenwise() throws -> Objective { try objective(PairLoss.self, TokenLogRatio.self) }
  /// A loss of rankings of any length.
  static func ranking() throws -> Objective { try objective(RankingLoss.self, LogRatio.self) }
  /// Unpaired feedback relative to an anchor of responses to other prompts.
  static func kto() throws -> Objective { try objective(KTO.self, LogRatio.self) }
  /// Responses compared with responses to other prompts, per token; both have gradients.
  static func contrast() throws -> Objective { try objective(ContrastLoss.self, MeanLogRatio.self) }
  /// DPO with the divergences of the two responses, with that of the chosen one stopped.
  static func tokenLevel() throws -> Objective { try objective(TokenLevelLoss.self, LogRatio.self) }
  /// The likelihood of the best response.
  static func sft() throws -> Objective { try Objective(terms: [term(Likelihood.self)], reward: nil) }
  /// A loss that reads an unavailable column.
  static func needy() throws -> Objective { try objective(NeedyLoss.self, LogRatio.self) }

  /// DPO with a margin per prompt from the data.
  static func margin() throws -> Objective { try objective(MarginLoss.self, LogRatio.self) }
  /// DPO over sums of tokens with weights from the data.
  static func weighted() throws -> Objective { try objective(PairLoss.self, WeightedTokens.self) }

  private static func objective<L: Component, R: Component>(_ loss: L.Type, _ reward: R.Type) throws -> Objective {
    try Objective(terms: [term(loss)], reward: part(reward))
  }

  private static func term<C: Component>(_ type: C.Type) throws -> Objective.Term {
    try Objective.Term(weight: 1, loss: part(type))
  }

  private static func part<C: Component>(_ type: C.Type) throws -> Objective.Part {
    let memory = OwnedMemory()
    let component = try LoadedComponent(
      ComponentExport(ErasedComponent(C.self)).descriptor(in: memory), library: "tests", owner: memory)
    return Objective.Part(component: component, values: component.parameters.map(\.initial))
  }
}

private struct PairLoss: PairwiseLoss {
  static let name = "pair-loss"
  static let hyperparameters = [Hyperparameter("beta", \Self.beta, in: .positive, "scale").scalingRewards()]
  var beta: Formula = 0.1

  func loss(_ pair: Pair) -> Formula { -logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward)) }
}

private struct MarginLoss: PairwiseLoss {
  static let name = "margin-loss"
  static let margin = Column("margin", per: .prompt)

  func loss(_ pair: Pair) -> Formula {
    -logSigmoid(0.1 * (pair.chosen.reward - pair.rejected.reward) - pair.chosen[Self.margin])
  }
}

private struct CenteredLoss: PairwiseLoss {
  static let name = "centered-loss"
  static let hyperparameters = [Hyperparameter("beta", \Self.beta, in: .positive, "scale").scalingRewards()]
  static let state = [State("mean", \Self.mean)]
  var beta: Formula = 0.1
  var mean: Formula = 0

  mutating func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward)
    mean += 0.1 * (batchMean(margin) - mean)
    return -logSigmoid(margin - stopGradient(mean)) + square(margin - batchMean(margin))
  }
}

private struct RankingLoss: ListwiseLoss {
  static let name = "ranking-loss"

  func loss(_ ranking: Ranking) -> Formula { logSumExp(ranking.map { 0.1 * ($0.reward - ranking[0].reward) }) }
}

private struct Likelihood: ListwiseLoss {
  static let name = "likelihood"
  static let responseCounts = 1...Int.max
  static let defaultReward: String? = nil

  func loss(_ ranking: Ranking) -> Formula { -ranking[0].logProbability }
}

private struct NeedyLoss: PairwiseLoss {
  static let name = "needy-loss"

  func loss(_ pair: Pair) -> Formula {
    -logSigmoid(pair.chosen.reward - pair.rejected.reward) + pair.chosen[Column("policy_kl")]
  }
}

private struct LogRatio: RewardParameterization {
  static let name = "log-ratio"

  func reward(_ response: Response) -> Formula { response.logProbability - response.referenceLogProbability }
}

private struct TokenLevelLoss: PairwiseLoss {
  static let name = "token-level-loss"
  static let divergence = Column("policy_kl", differentiable: true)

  func loss(_ pair: Pair) -> Formula {
    let excess = pair.rejected[Self.divergence] - stopGradient(pair.chosen[Self.divergence])
    return -logSigmoid(0.1 * (pair.chosen.reward - pair.rejected.reward - 0.5 * excess))
  }
}

private struct ContrastLoss: UnpairedLoss {
  static let name = "contrast-loss"
  static let mismatched = Column("mismatched_reward", differentiable: true)

  func loss(_ response: Response) -> Formula { -logSigmoid(response.reward - response[Self.mismatched]) }
}

private struct MeanLogRatio: RewardParameterization {
  static let name = "mean-log-ratio"

  func reward(_ response: Response) -> Formula {
    (response.logProbability - response.referenceLogProbability) / response.tokenCount
  }
}

private struct TokenLogRatio: TokenwiseReward {
  static let name = "token-log-ratio"

  func reward(_ token: Token) -> Formula { token.logProbability - token.reference(0) }
}

private struct WeightedTokens: TokenwiseReward {
  static let name = "weighted-tokens"
  static let weight = Column("weight", per: .token)

  func reward(_ token: Token) -> Formula { token[Self.weight] * token.logProbability }
}
