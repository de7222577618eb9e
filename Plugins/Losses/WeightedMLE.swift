import LossKit

/// Maximum likelihood with responses weighted by the softmax of their rewards. Xiao et al., arXiv:2412.14516, the context of Eq. 12.
struct WeightedMLE: ListwiseLoss {
  static let name = "weighted-mle"
  static let summary = "Maximum likelihood with the softmax of the responses' rewards as weights."
  static let citation = "Xiao et al., Cal-DPO, NeurIPS 2024, arXiv:2412.14516, context of Eq. 12"
  static let documentation = """
    −Σ softmax(reward/β)_i log π(y_i). rewards=rank takes +1/2 for the best response, −1/2 for the last and steps of \
    equal size between: a pair is weighed by σ(±1/β). rewards=score takes the scores.

    Published: The form alone.

    Neighbors: As β goes to 0 it becomes `sft`. `info-nca` sets such weights against the rewards' softmax.

    Elsewhere: There is no code to run, by the authors or by others.

    Verified against a closed form: the paper has it as the optimum of a calibrated objective, and the pair's weights \
    are derived from that. There is no code to run.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, symbol: "\\beta", "temperature of the rewards"),
    Hyperparameter("rewards", \Self.source, "what a response is weighed by: rank or score"),
  ]
  /// What the weights are based on.
  enum Source: String, CaseIterable, Sendable { case rank, score }

  static let defaultReward: String? = nil
  var beta: Formula = 0.1
  var source = Source.rank

  func loss(_ ranking: Ranking) -> Formula {
    let rewards = ranking.map { response in
      switch source {
      case .rank: Formula(0.5 - Double(response.index) / Double(ranking.count - 1)) / beta
      case .score: response.score / beta
      }
    }
    let total = logSumExp(rewards)
    return -zip(rewards, ranking).sum { exp($0 - total) * $1.logProbability }
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(WeightedMLE.self, error: error)
}
