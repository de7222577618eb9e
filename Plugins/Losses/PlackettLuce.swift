import LossKit

/// DPO of a whole ranking: its likelihood under the Plackett–Luce model of the rewards. Rafailov et al., arXiv:2305.18290, App. A.3.
struct PlackettLuce: ListwiseLoss {
  static let name = "plackett-luce"
  static let summary = "DPO of a whole ranking: its Plackett–Luce likelihood under the rewards."
  static let citation = "Rafailov et al., Direct Preference Optimization, NeurIPS 2023, arXiv:2305.18290, Eq. 20"
  static let documentation = """
    −Σ_k [β r_k − log Σ_(j ≥ k) exp(β r_j)] over the ranks, best first: the first response is picked out of all, the \
    second out of the rest, and so on. Ties in scores are in the order given.

    Published: The formula, in App. A.3; β as DPO's.

    Neighbors: For two responses it is `dpo`. `rs-dpo` takes a ranking apart into pairs.

    Elsewhere: It is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form, and for two responses against `dpo`.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards()
  ]
  var beta: Formula = 0.1

  func loss(_ ranking: Ranking) -> Formula {
    // From the last rank upwards: log Σ exp of the remaining responses, and its difference from the one selected.
    var left = beta * ranking[ranking.count - 1].reward
    var terms: [Formula] = []
    for response in ranking.dropLast().reversed() {
      let reward = beta * response.reward
      let excess = softplus(left - reward)
      terms.append(excess)
      left = reward + excess
    }
    return terms.sum { $0 }
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(PlackettLuce.self, error: error)
}
