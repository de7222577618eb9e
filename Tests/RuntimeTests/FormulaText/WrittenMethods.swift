import LossKit
import LossKitTestSupport

@testable import LossKitRuntime

/// Published methods as a user may type them, with the plugin that each must agree with.
enum WrittenMethods {
  static let losses = [
    (
      "dpo",
      "{z = beta * (chosen.reward - rejected.reward); -(1 - eps)*logsigmoid(z) - eps*logsigmoid(-z)}(beta=0.1,eps=0)"
    ),
    (
      "cal-dpo",
      "{-logsigmoid(chosen.reward - rejected.reward) + square(chosen.reward - 1/(2*beta)) + square(rejected.reward + 1/(2*beta))}(beta=0.001)"
    ),
    ("ipo", "{square(chosen.reward - rejected.reward - 1/(2*tau))}(tau=0.1)"),
    ("hinge", "{relu(1 - beta*(chosen.reward - rejected.reward))}(beta=0.05)"),
    ("simpo", "{-logsigmoid(beta*(chosen.reward - rejected.reward - ratio))}(beta=2, ratio=0.5)"),
    ("sppo-hard", "{t = 0.5 / beta; square(chosen.reward - t) + square(rejected.reward + t)}(beta=1e-3)"),
    ("apo-zero", "{sigmoid(-beta*chosen.reward) + sigmoid(beta*rejected.reward)}(beta=0.1)"),
    (
      "kto",
      """
      {anchor = stop_gradient(relu(batch_mean(response.mismatched_reward)));
       z = beta * (response.reward - anchor);
       select(response.label > 0, sigmoid(-z), sigmoid(z))}(beta=0.1)
      """
    ),
    (
      "aot",
      """
      {-logsigmoid(beta*(batch_sorted(chosen.policy_logp - rejected.policy_logp)
        - batch_sorted(chosen.reference_logp - rejected.reference_logp)))}(beta=0.01)
      """
    ),
    (
      "robust-dpo",
      "{z = beta*(chosen.reward-rejected.reward); (-(1-e)*logsigmoid(z) + e*logsigmoid(-z))/(1-2*e)}(beta=0.1, e=0.1)"
    ),
    ("orpo", "{-chosen.policy_logp/chosen.token_count - beta*logsigmoid(chosen.reward-rejected.reward)}(beta=0.1)"),
    (
      "dr-dpo",
      """
      {x = logsigmoid(beta*(chosen.reward - rejected.reward)) / t;
       m = stop_gradient(batch_sum(select(row == batch_count - 1, batch_sorted(x), 0)));
       -t*(m + log(batch_mean(exp(x - m))))}(beta=0.1, t=1)
      """
    ),
    (
      "nca-pair",
      "{b = 0.01; c = b*chosen.reward; r = b*rejected.reward; -logsigmoid(c) - 0.5*logsigmoid(-c) - 0.5*logsigmoid(-r)}"
    ),
    ("dpop", "{-logsigmoid(0.3*(chosen.reward - rejected.reward - 50*maximum(0, -chosen.reward)))}"),
  ]
  static let rewards = [
    ("log-ratio", "{response.policy_logp - response.reference_logp}"),
    ("mean-log-ratio", "{(response.policy_logp - response.reference_logp)/response.token_count}"),
    (
      "momentum-reference",
      "{response.policy_logp - ((1+a)*response.reference_logp - a*response.reference_logp[1])}(a=0.3)"
    ),
    (
      "length-desensitized",
      "{select(token.index < token.shortest, 1, 0.5)*(token.policy_token_logp - token.reference_token_logp)}"
    ),
    ("forward-kl", "{-finite_expm1(response.reference_logp - response.policy_logp)}"),
  ]
}

extension LoadedComponent {
  /// The largest error of this component's values and gradients at calls of `other`, which reads at least the same columns.
  func worstDifference(from other: LoadedComponent, seeds: Range<UInt64>) throws -> Double {
    var worst = 0.0
    for seed in seeds {
      var calls = RandomCalls(other, seed: seed)
      let expected = calls.call(prompts: 7, responses: responses.count == 1 ? responses.lowerBound : nil)
      var call = ComponentCall(
        descriptor, prompts: 7, responses: expected.responses, references: max(expected.references, 1))
      call.tokenOffsets = expected.tokenOffsets
      call.inputs = expected.inputs.filter { name, _ in inputs.contains { $0.name == name } }
      call.cotangent = expected.cotangent
      call.seed = expected.seed
      let (found, right) = (try call.run(), try expected.run())
      worst = max(worst, worstError(found.output, right.output))
      for (name, gradient) in right.gradients {
        let own = found.gradients[name] ?? [Double](repeating: 0, count: gradient.count)
        worst = max(worst, worstError(own, gradient))
      }
    }
    return worst
  }
}
