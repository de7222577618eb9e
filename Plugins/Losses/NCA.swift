import LossKit

/// Noise-contrastive alignment: each response of a ranking is classified against noise, weighted by its score. Chen et al.,
/// arXiv:2402.05369.
struct NCA: ListwiseLoss {
  static let name = "nca"
  static let summary = "Noise-contrastive alignment of a ranking with scores: each response is told from noise."
  static let citation =
    "Chen et al., Noise Contrastive Alignment of Language Models with Explicit Rewards, NeurIPS 2024, arXiv:2402.05369"
  static let documentation = """
    −Σ q_i log σ(β r_i) − (1/K) Σ log σ(−β r_i) with q = softmax(score/temperature). Absolute rewards matter: \
    likelihoods of good responses do not fall together with the others'.

    Published: β 0.01; the temperature starts at 0.001 and is 0.0001 in the recipe; the code adds 0.01 to the best \
    response's score, first_bonus.

    Neighbors: The pair without scores is `nca-pair`, the contrastive form `info-nca`.

    Elsewhere: TRL has the pair form alone.

    Verified against the authors' code (thu-ml/Noise-Contrastive-Alignment).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the rewards; 0.01 in the paper").scalingRewards(),
    Hyperparameter("temperature", \Self.temperature, in: .positive, symbol: "\\alpha", "temperature of the scores"),
    Hyperparameter(
      "first_bonus", \Self.bonus, in: .nonNegative,
      "what is added to the best response's score; 0.01 in the authors' code"),
  ]
  var beta: Formula = 0.01
  var temperature: Formula = 0.001
  var bonus: Formula = 0

  func loss(_ ranking: Ranking) -> Formula {
    let rewards = ranking.map { beta * $0.reward }
    let scores = ranking.map { ($0.index == 0 ? $0.score + bonus : $0.score) / temperature }
    let total = logSumExp(scores)
    let taken = zip(rewards, scores).sum { exp($1 - total) * -logSigmoid($0) }
    return taken - rewards.sum { logSigmoid(-$0) } / Formula(ranking.count)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(NCA.self, error: error)
}
