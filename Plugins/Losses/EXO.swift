import LossKit

/// Efficient exact optimization: the reverse KL divergence from the rewards' softmax to that of the scores. Ji et al., ICML 2024, arXiv:2402.00856.
struct EXO: ListwiseLoss {
  static let name = "exo"
  static let summary =
    "Efficient exact optimization: reverse KL from the softmax of the rewards to the softmax of the scores."
  static let citation =
    "Ji et al., Towards Efficient Exact Optimization of Language Model Alignment, ICML 2024, arXiv:2402.00856"
  static let documentation = """
    Σ p_i (log p_i − log q_i) with p = softmax(β r) and q = softmax(score / β_r) over a prompt's responses; the \
    gradient flows through p. Equal scores have equal shares; the order of the responses does not matter.

    Published: β = β_r = 0.5 in HH and TL;DR, 0.1 in IMDb.

    Neighbors: For two responses without scores it is `exo-pair`. The forward divergence of the authors' file (dpo-rw) \
    is `info-nca`.

    Elsewhere: The authors' trainer divides the logits of both policies by the temperature 0.8 before \
    log-probabilities are taken, which is no part of the loss. TRL has the pair form alone.

    Verified against the closed form of the authors' code (haozheji/exact-optimization, exo-rw) and, for two \
    responses, its exo-pref record through `exo-pair`.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the rewards").scalingRewards(),
    Hyperparameter(
      "score_temperature", \Self.temperature, in: .positive, symbol: "\\beta_r", "temperature of the scores"),
  ]
  var beta: Formula = 0.5
  var temperature: Formula = 0.5

  func loss(_ ranking: Ranking) -> Formula {
    let rewards = ranking.map { beta * $0.reward }
    let scores = ranking.map { $0.score / temperature }
    let policy = logSumExp(rewards)
    let target = logSumExp(scores)
    return zip(rewards, scores).sum { exp($0 - policy) * (($0 - policy) - ($1 - target)) }
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(EXO.self, error: error)
}
