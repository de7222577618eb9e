import LossKit

/// RS-DPO: DPO on all pairs of a ranking whose scores differ enough. Khaki et al., arXiv:2402.10038, Algorithm 1.
struct RSDPO: ListwiseLoss {
  static let name = "rs-dpo"
  static let summary = "RS-DPO: DPO on every pair of a prompt's responses whose score gap passes a threshold."
  static let citation = "Khaki et al., RS-DPO, arXiv:2402.10038, Algorithm 1"
  static let documentation = """
    Every ordered pair (j, l) with σ((score_j − score_l)/τ) > η is a pair of DPO: a gap of more than τ log(η/(1−η)), \
    1.735 at the defaults. Equal scores make no pair. All pairs of the batch weigh the same, whatever prompt they are \
    from, so a prompt's loss depends on the batch; a batch without a pair has loss 0. In the paper 16 responses are \
    drawn from the SFT policy.

    Published: η 0.8, 0.85 or 0.9; τ 0.8 to 1.2; β 0.1.

    Neighbors: For a pair whose gap passes it is `dpo`. `plackett-luce` takes the ranking as a whole.

    Elsewhere: Algorithm 1 prints σ(r_j − r_l/τ), where parentheses are missing. It is not among the losses of TRL or \
    Liger-Kernel.

    Verified against a closed form after Algorithm 1. Unverified: there is no code by the authors.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter(
      "eta", \Self.eta, in: .halfOpen(0.5, 1), symbol: "\\eta",
      "probability of the preference that a pair has to pass"),
    Hyperparameter("temperature", \Self.temperature, in: .positive, symbol: "\\tau", "temperature of the scores"),
  ]
  var beta: Formula = 0.1
  var eta: Formula = 0.85
  var temperature: Formula = 1

  func loss(_ ranking: Ranking) -> Formula {
    // η is at least a half, so only the order of the scores can pass: each pair of responses occurs once.
    let pairs = ranking.flatMap { first in
      ranking.dropFirst(first.index + 1).map { second in
        let margin = first.reward - second.reward
        return (gap: (first.score - second.score) / temperature, margin: margin)
      }
    }
    let taken = pairs.map { select(sigmoid(abs($0.gap)) - eta, 1, 0) }
    let total = zip(pairs, taken).sum { $1 * -logSigmoid(beta * select($0.gap, $0.margin, -$0.margin)) }
    let mean = batchMean(taken.sum { $0 })
    return select(mean, total / mean, 0)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(RSDPO.self, error: error)
}
