import LossKit

/// Simple preference optimization: the logistic loss of mean log-probabilities beyond a margin. Meng et al., NeurIPS 2024, arXiv:2405.14734.
struct SimPO: PairwiseLoss {
  static let name = "simpo"
  static let summary = "Simple preference optimization: mean log-probabilities, no reference, and a target margin."
  static let citation = "Meng et al., SimPO, NeurIPS 2024, arXiv:2405.14734, Eq. 6"
  static let documentation = """
    −log σ(β (r_w − r_l − γ/β)) with r the log-probability per token.

    Published: β and γ/β of 2.0, 0.8 for Mistral-Base; 2.5, 0.1 Mistral-Instruct; 2.0, 0.5 Llama-3-Base; 2.5, 0.55 \
    Llama-3-Instruct; 10, 0.3 the same, v0.2; 10, 0.5 Gemma-2.

    Neighbors: Without the margin it is `dpo @ mean-log-probability`. `cpo-simpo` adds a likelihood, `alpha-po` bends \
    the reward, `alpha-dpo` gives each pair a margin. The authors' sft_weight is `simpo + 0.1*sft(per=batch-token)`.

    Elsewhere: The authors set the ratio γ/β, as here and in HALOs; simpo_gamma of TRL, LLaMA-Factory, axolotl and \
    Liger-Kernel is γ itself, β times as large.

    Verified against the authors' code (princeton-nlp/SimPO), TRL and Liger-Kernel; the hinge form against its closed \
    form.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "scale of the mean log-probabilities; 2 to 10 in the paper")
      .scalingRewards(),
    Hyperparameter(
      "gamma_beta_ratio", \Self.ratio, in: .nonNegative, symbol: "\\gamma/\\beta", "target margin of the rewards, γ/β"),
    Hyperparameter(
      "label_smoothing", \Self.labelSmoothing, in: .halfOpen(0, 0.5), symbol: "\\varepsilon",
      "probability that a preference is the wrong way round"),
    Hyperparameter("loss_type", \Self.form, "sigmoid or hinge"),
  ]
  /// The function of the margin.
  enum Form: String, CaseIterable, Sendable { case sigmoid, hinge }

  static let defaultReward: String? = "mean-log-probability"
  var beta: Formula = 2
  var ratio: Formula = 0.5
  var labelSmoothing: Formula = 0
  var form = Form.sigmoid

  func loss(_ pair: Pair) -> Formula {
    let margin = beta * (pair.chosen.reward - pair.rejected.reward - ratio)
    return switch form {
    case .sigmoid: -(1 - labelSmoothing) * logSigmoid(margin) - labelSmoothing * logSigmoid(-margin)
    case .hinge: relu(1 - margin)
    }
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(SimPO.self, error: error)
}
