import LossKit

/// InfoNCA: the cross-entropy of the scores' softmax against that of the rewards. Chen et al., arXiv:2402.05369.
struct InfoNCA: ListwiseLoss {
  static let name = "info-nca"
  static let summary = "InfoNCA: cross-entropy from the softmax of the scores to the softmax of the rewards."
  static let citation =
    "Chen et al., Noise Contrastive Alignment of Language Models with Explicit Rewards, NeurIPS 2024, arXiv:2402.05369"
  static let documentation = """
    −Σ q_i log softmax(β r)_i with q = softmax(score/temperature).

    Published: β 0.01; the temperature starts at 0.001 and is 0.0001 in the recipe; the code adds 0.01 to the best \
    response's score, first_bonus.

    Neighbors: For two responses and a low temperature it is `dpo`. It is the forward divergence of `exo` (dpo-rw in \
    that code, with β = temperature = 0.5). `nca` tells each response from noise instead.

    Elsewhere: It is not among the losses of TRL or Liger-Kernel.

    Verified against the authors' code (thu-ml/Noise-Contrastive-Alignment) and EXO's (haozheji/exact-optimization).
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
    let policy = logSumExp(rewards)
    let target = logSumExp(scores)
    return zip(rewards, scores).sum { exp($1 - target) * (policy - $0) }
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(InfoNCA.self, error: error)
}
