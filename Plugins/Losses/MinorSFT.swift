import LossKit

/// Supervised fine-tuning that slows down as the policy moves away from the reference. Xie et al., arXiv:2408.10642.
struct MinorSFT: ListwiseLoss {
  static let name = "minor-sft"
  static let summary = "Supervised fine-tuning whose gradient fades as the policy leaves the reference."
  static let citation =
    "Xie et al., Minor SFT loss for LLM fine-tune to increase performance and reduce model deviation, arXiv:2408.10642"
  static let documentation = """
    −2/(|y| β) log σ(β r) of the best response; the others are not read. The paper gives the gradient, −(2/|y|) σ(−β \
    r) ∇log π, of which this is the integral: at the reference it is that of the mean log-likelihood.

    Published: Nothing that was readable; β 0.1 is DPO's.

    Neighbors: At the reference its gradient is that of `sft(per=token)`. `minor-dpo` is by the same authors.

    Elsewhere: torchrl's minor_sft lacks the factor: scaled=false. It is not among the losses of TRL or Liger-Kernel.

    Verified against a closed form. Unverified: the paper's body and the authors' code were not readable; the formula \
    is from a summary.
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter("scaled", \Self.isScaled, "whether the factor 2/(|y| β) is there"),
  ]
  static let responseCounts = 1...Int.max
  var beta: Formula = 0.1
  var isScaled = true

  func loss(_ ranking: Ranking) -> Formula {
    let loss = -logSigmoid(beta * ranking[0].reward)
    return isScaled ? 2 / (ranking[0].tokenCount * beta) * loss : loss
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(MinorSFT.self, error: error)
}
