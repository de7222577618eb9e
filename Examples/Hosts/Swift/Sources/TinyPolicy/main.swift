// Trains its own policy with an objective by name.
//
//   LOSSKIT_PLUGIN_PATH=PREFIX/lib/losskit/plugins swift run TinyPolicy "cal-dpo(beta=0.5)"
import LossKit
import LossKitRuntime

/// The chosen and rejected response of each preference.
let preferences = [
  (prompt: 0, chosen: 2, rejected: 0), (prompt: 0, chosen: 2, rejected: 1), (prompt: 1, chosen: 0, rejected: 3),
  (prompt: 2, chosen: 1, rejected: 2),
]
let registry = PluginRegistry(searchPath: try .fromEnvironment())
let objective = try Objective(CommandLine.arguments.dropFirst().first ?? "cal-dpo(beta=0.5)", in: registry)
print("objective \(objective.description)")

/// The log-probabilities of all chosen responses, followed by those of the rejected ones.
func logProbabilities(_ policy: SoftmaxPolicy) -> [Double] {
  preferences.map { policy.logProbability(of: $0.chosen, prompt: $0.prompt) }
    + preferences.map { policy.logProbability(of: $0.rejected, prompt: $0.prompt) }
}

var policy = SoftmaxPolicy(prompts: 3, responses: 4)
let reference = logProbabilities(policy)
var state = objective.initialState
for step in 0...200 {
  let batch = Batch(
    prompts: preferences.count,
    columns: ["policy_logp": logProbabilities(policy), "reference_logp": reference])
  let evaluation = try objective.evaluate(batch, state: &state, seed: UInt64(step))
  let count = Double(preferences.count)
  if step % 50 == 0 { print("step \(step) loss \(evaluation.loss.reduce(0, +) / count)") }

  var gradient = policy.logits.map { $0.map { _ in 0.0 } }
  for (index, pair) in preferences.enumerated() {
    let byLogProbability = evaluation.gradients["policy_logp", default: []]
    policy.backward(byLogProbability[index] / count, response: pair.chosen, prompt: pair.prompt, into: &gradient)
    policy.backward(
      byLogProbability[preferences.count + index] / count, response: pair.rejected, prompt: pair.prompt, into: &gradient
    )
  }
  policy.step(gradient, learningRate: 0.5)
}
for pair in preferences {
  let margin =
    policy.logProbability(of: pair.chosen, prompt: pair.prompt)
    - policy.logProbability(of: pair.rejected, prompt: pair.prompt)
  print("prompt \(pair.prompt): response \(pair.chosen) over \(pair.rejected) by \(margin) nats")
}
