import LossKit

/// Supervised fine-tuning on the best response: its negative log-likelihood.
struct SFT: ListwiseLoss {
  static let name = "sft"
  static let summary = "Supervised fine-tuning: the negative log-likelihood of the best response."
  static let documentation = """
    per=sequence sums over the tokens, per=token takes each sequence's mean, per=batch-token divides by the number of \
    chosen tokens of the whole batch: the same value for every prompt, and not rowwise. The other responses are not \
    read.

    Neighbors: The likelihood in `cpo`, `orpo`, `rpo` and `slic`; add it to any loss, as `dpo + 0.2*sft(per=token)`. \
    `weighted-mle` spreads it over a ranking.

    Elsewhere: TRL's sft and the language-model loss of most libraries are per=batch-token; eric-mitchell's code sums. \
    TRL's rpo_alpha is the weight of such a term.

    Verified against TRL (batch-token).
    """
  static let responseCounts = 1...Int.max
  static let defaultReward: String? = nil
  static let hyperparameters = [
    Hyperparameter("per", \Self.unit, "what the mean is taken over: sequence, token or batch-token")
  ]
  var unit = LikelihoodUnit.sequence

  func loss(_ ranking: Ranking) -> Formula {
    ranking[0].negativeLogLikelihood(per: unit)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(SFT.self, error: error)
}
