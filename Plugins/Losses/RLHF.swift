import LossKit

/// The KL-regularized objective of RLHF itself, exact over an enumerated set of responses. Ziegler et al., arXiv:1909.08593.
struct RLHF: ListwiseLoss {
  static let name = "rlhf"
  static let summary = "The KL-regularized objective of RLHF, exact over an enumerated set of responses with scores."
  static let citation = "Ziegler et al., Fine-Tuning Language Models from Human Preferences, arXiv:1909.08593, Eq. 2"
  static let documentation = """
    −Σ p_i score_i + β Σ p_i (log p_i − log q_i), where p and q are policy and reference, each normalized over the \
    prompt's responses. What PPO estimates from samples of a policy that can say anything is here a sum, for the \
    responses given are all there are. It is least at p ∝ q exp(score/β).

    Published: No value for this exact form; β 0.1 is DPO's.

    Neighbors: Its minimum is the policy that `dpo` and its kin aim at; `exo` comes to it by a divergence.

    Elsewhere: PPO and the other online trainers sample instead.

    Verified against a closed form, and against its minimum.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, symbol: "\\beta", "KL strength")
  ]
  static let defaultReward: String? = nil
  var beta: Formula = 0.1

  func loss(_ ranking: Ranking) -> Formula {
    let policy = logSumExp(ranking.map(\.logProbability))
    let reference = logSumExp(ranking.map(\.referenceLogProbability))
    return ranking.sum { response in
      let logProbability = response.logProbability - policy
      let divergence = logProbability - (response.referenceLogProbability - reference)
      return exp(logProbability) * (beta * divergence - response.score)
    }
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(RLHF.self, error: error)
}
