import LossKit

/// Regularized preference optimization: DPO and the likelihood of the chosen response, whose weight carries β.
/// Liu et al., arXiv:2405.16436.
struct RPO: PairwiseLoss {
  static let name = "rpo"
  static let summary =
    "Regularized preference optimization: DPO, plus η β times the chosen response's negative log-likelihood."
  static let citation =
    "Liu et al., Provably Mitigating Overoptimization: your SFT loss is implicitly an adversarial regularizer, arXiv:2405.16436"
  static let documentation = """
    −log σ(β (r_w − r_l)) − η β log π(y_w), the log-probability being a sum.

    Published: η 0.005; β 0.01 for zephyr-7b-beta, 0.05 for gemma.

    Neighbors: `dpo` plus η β times `sft`.

    Elsewhere: TRL's recipe for RPO, `dpo + 0.005*sft(per=batch-token)`, takes a mean over tokens and no β: its weight \
    differs by a factor of about β times the length. The variant for OpenRLHF in the authors' repository takes each \
    sequence's mean, without β, with weight 0.2. The paper's term is of a baseline policy; the authors' code takes the \
    chosen response. NeMo's RPO is another method, reward-aware preference optimization, and EasyDeL reads the name as \
    relative preference optimization.

    Verified against a closed form, which is that of the authors' code (YSLIU627/Regularized-Preference-Optimization, \
    scripts/rpo_trainer.py).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength; 0.01 for zephyr-7b-beta, 0.05 for gemma")
      .scalingRewards(),
    Hyperparameter("eta", \Self.eta, in: .nonNegative, symbol: "\\eta", "weight of the likelihood, beside β"),
  ]
  var beta: Formula = 0.01
  var eta: Formula = 0.005

  func loss(_ pair: Pair) -> Formula {
    -logSigmoid(beta * (pair.chosen.reward - pair.rejected.reward)) - eta * beta * pair.chosen.logProbability
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(RPO.self, error: error)
}
