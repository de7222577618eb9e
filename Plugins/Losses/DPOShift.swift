import LossKit

/// DPO with the rejected reward scaled down by a fixed or scheduled factor. Yang et al., arXiv:2502.07599.
struct DPOShift: PairwiseLoss {
  static let name = "dpo-shift"
  static let summary = "DPO whose rejected reward counts by a factor below 1, fixed or moving along the training."
  static let citation = "Yang et al., DPO-Shift, arXiv:2502.07599"
  static let documentation = """
    −log σ(β (r_w − λ r_l)). schedule=linear moves λ from lambda to final_lambda over the first `steps` batches and \
    keeps the number of batches as state; evaluating does not move it.

    Published: β 0.01; λ from 0.5 to 1, fixed at 0.75 or 0.95 or moving between such values.

    Neighbors: With λ 1 it is `dpo`. `minor-dpo` drops the rejected reward where it is below 0.

    Elsewhere: The authors' code counts the scheduler's steps, from 0. It is not among the losses of TRL or \
    Liger-Kernel.

    Verified against a closed form, which is that of the authors' code (Meaquadddd/DPO-Shift).
    """
  static let hyperparameters = [
    Hyperparameter("beta", \Self.beta, in: .positive, "KL strength").scalingRewards(),
    Hyperparameter(
      "lambda", \Self.lambda, in: .closed(0, 1), symbol: "\\lambda",
      "factor of the rejected reward; 0.5 to 1 in the paper"),
    Hyperparameter(
      "final_lambda", \Self.final, in: .closed(0, 1), symbol: "\\lambda_{\\max}",
      "the factor at the end of a linear schedule"),
    Hyperparameter("steps", \Self.steps, in: .positive, "length of a linear schedule, in batches"),
    Hyperparameter("schedule", \Self.schedule, "fixed or linear"),
  ]
  /// The schedule of the factor.
  enum Schedule: String, CaseIterable, Sendable { case fixed, linear }

  static let state = [State("step", \Self.step)]
  var beta: Formula = 0.01
  var lambda: Formula = 0.75
  var final: Formula = 0.95
  var steps: Formula = 1000
  var schedule = Schedule.fixed
  var step: Formula = 0

  mutating func loss(_ pair: Pair) -> Formula {
    var factor = lambda
    if schedule == .linear {
      factor += (final - lambda) * minimum(1, step / steps)
      step += 1
    }
    return -logSigmoid(beta * (pair.chosen.reward - factor * pair.rejected.reward))
  }
}

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(DPOShift.self, error: error)
}
