import LossKit

/// Self-play preference optimization: each reward is pulled towards a target set by its win probability. Wu et al., arXiv:2405.00675.
struct SPPO: ListwiseLoss {
  static let name = "sppo"
  static let summary = "Self-play preference optimization: each reward is pulled towards (its win probability − ½)/β."
  static let citation = "Wu et al., Self-Play Preference Optimization, arXiv:2405.00675, Eq. 4.5"
  static let documentation = """
    The mean over a prompt's responses of (r − (P − ½)/β)², where P, the column win_probability, is the probability \
    that the response beats the policy's others (the authors estimate it by PairRM over five). For a pair it is half \
    the sum, as in the authors' code. β is their 1/η.

    Published: β 0.001.

    Neighbors: With P = 1 and 0 it is half of `sppo-hard`.

    Elsewhere: TRL has sppo_hard alone.

    Verified against the authors' code (uclaml/SPPO).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, symbol: "\\beta", "1/η; the targets are (P − ½)/β")
      .scalingRewards()
  ]
  static let responseCounts = 1...Int.max
  private static let winProbability = Column("win_probability")
  var beta: Formula = 0.001

  func loss(_ ranking: Ranking) -> Formula {
    ranking.sum { square($0.reward - ($0[Self.winProbability] - 0.5) / beta) } / Formula(ranking.count)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(SPPO.self, error: error)
}
