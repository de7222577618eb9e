import LossKit

/// NCA over a ranking with scores: classification of each response against noise. Chen et al., arXiv:2402.05369.
struct NCA: ListwiseLoss {
  static let name = "nca"
  static let responseCounts = 1...Int.max
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the reward"),
    Hyperparameter("temperature", \Self.temperature, in: .positive, "of the scores"),
  ]
  var beta: Formula = 0.7
  var temperature: Formula = 0.5

  func loss(_ ranking: Ranking) -> Formula {
    let rewards = ranking.map { beta * $0.reward }
    let scores = ranking.map { $0.score / temperature }
    let total = logSumExp(scores)
    let taken = zip(rewards, scores).sum { exp($1 - total) * -logSigmoid($0) }
    return taken - rewards.sum { logSigmoid(-$0) } / Formula(ranking.count)
  }
}

/// The forward-KL loss of EXO's code: the scores' softmax against the rewards'. Ji et al., arXiv:2402.00856.
struct RewardedDPO: ListwiseLoss {
  static let name = "rewarded-dpo"

  func loss(_ ranking: Ranking) -> Formula {
    let rewards = ranking.map { 0.5 * $0.reward }
    let scores = ranking.map { $0.score / 0.5 }
    let policy = logSumExp(rewards)
    let target = logSumExp(scores)
    return zip(rewards, scores).sum { exp($1 - target) * (policy - $0) }
  }
}

/// RS-DPO: all pairs of a ranking whose scores differ enough, each pair of the batch with the same weight. Khaki et al., arXiv:2402.10038.
struct RSDPO: ListwiseLoss {
  static let name = "rs-dpo"
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength"),
    Hyperparameter("eta", \Self.eta, in: .halfOpen(0.5, 1), "preference probability a pair must pass"),
  ]
  var beta: Formula = 0.1
  var eta: Formula = 0.85

  func loss(_ ranking: Ranking) -> Formula {
    let pairs = ranking.flatMap { a in ranking.filter { $0.index != a.index }.map { (a, $0) } }
    let taken = pairs.map { select(sigmoid($0.score - $1.score) - eta, 1, 0) }
    let total = zip(pairs, taken).sum { $1 * -logSigmoid(beta * ($0.0.reward - $0.1.reward)) }
    return total / maximum(1e-300, batchMean(taken.sum { $0 }))
  }
}
