import LossKit

/// Odds-ratio preference optimization: likelihood, and the logistic loss of the log-odds' difference. Hong et al., arXiv:2403.07691.
struct ORPO: PairwiseLoss {
  static let name = "orpo"
  static let summary =
    "Odds-ratio preference optimization: the chosen response's likelihood, plus the logistic loss of the log-odds."
  static let citation = "Hong et al., ORPO, EMNLP 2024, arXiv:2403.07691, Eq. 6"
  static let documentation = """
    NLL(y_w) − λ log σ(o_w − o_l) with o the log-odds of the mean log-probability, `log-odds`. beta is λ. The \
    likelihood is a mean over a sequence's tokens.

    Published: λ 0.1; 0.05 to 2 in others' grids.

    Neighbors: `sft(per=token)` plus a `dpo @ log-odds` at β = 1, weighed by λ. `asft` classifies each response for \
    itself.

    Elsewhere: λ is beta in TRL, alpha in the authors' code, orpo_alpha in axolotl. The authors' code counts prompt \
    tokens in the likelihood unless told not to, and their mask lets in the first pad token of a row that is padded at \
    the right; neither is done here. Their log(sigmoid(o)) underflows to −∞ where ours is finite. ColossalAI adds \
    1.0001 in the odds; mlx-tune has no odds at all.

    Verified against turbo-alignment, TRL and Liger-Kernel (odds term).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "weight of the odds ratio, λ; 0.1 in the paper").scalingRewards(),
    Hyperparameter(
      "nll_weight", \Self.weight, in: .nonNegative, "weight of the negative log-likelihood; 1 in the paper"),
    Hyperparameter("per", \Self.unit, "what the log-likelihood is a mean over: sequence, token or batch-token"),
  ]
  static let defaultReward: String? = "log-odds"
  var beta: Formula = 0.1
  var weight: Formula = 1
  var unit = LikelihoodUnit.token

  func loss(_ pair: Pair) -> Formula {
    weight * pair.chosen.negativeLogLikelihood(per: unit)
      - beta * logSigmoid(pair.chosen.reward - pair.rejected.reward)
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(ORPO.self, error: error)
}
