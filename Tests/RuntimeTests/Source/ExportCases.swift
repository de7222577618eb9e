import LossKit
import LossKitTestSupport

@testable import LossKitRuntime
@testable import LossKitSource

/// Objectives to export, and batches for comparing the exports.
enum ExportCases {
  /// Every built-in loss, every reward under a compatible loss, and features of whole objectives.
  static let objectives: [String] = {
    let losses = Tested.losses.map(\.name)
    let rewards = Tested.rewards.map { "dpo @ \($0.name)" }
    let special = [
      "0.5*dpo(beta=0.1) + 0.2*sft(per=token) + dpo(beta=0.3)", "ipo @ mean-log-ratio",
      "{select(rejected.reward > 0, log(rejected.reward), 0) + square(chosen.reward)}",
      "sft(per=batch-token)", "bco + beta-dpo",
      // A column named like the token count of a response; rewards without a gradient.
      "dpo + 0.2*sft(per=token) @ length-desensitized", "{stop_gradient(chosen.reward)} @ length-desensitized",
      "{stop_gradient(chosen.reward) + rejected.policy_logp} @ down-sampled", "dpo @ {token.count}",
      "dpo + sft @ {token.count}", "dpo @ {response.score}",
      // Statistics of statistics, and a number of the batch that two loops read.
      "{chosen.reward*tanh(batch_mean(rejected.reward))*v8*batch_mean(square(chosen.reward*tanh(batch_mean(rejected.reward))))}"
        + "(v8=0.5)",
      // Names that are reserved in the languages, or that the exports use.
      "{chosen.policy_logp*size_t*d_x*float*state*fabs - rejected.policy_logp*t1*state_*reward*token_count*mean1*given}"
        + "(size_t=0.5,d_x=2,float=3,state=0.1,fabs=2,t1=0.5,state_=3,reward=0.2,token_count=2,mean1=0.3,given=2)",
    ]
    return losses + rewards + special
  }()

  /// A batch of an objective, with numbers as from a policy.
  static func batch(_ objective: Objective, prompts: Int, seed: UInt64) -> Batch {
    var numbers = SeededNumbers(seed: seed)
    let responses = min(max(objective.responses.lowerBound, 2), objective.responses.upperBound)
    var batch = Batch(prompts: prompts, responses: responses, references: max(objective.referenceCount, 1))
    let formula = try? ExportedFormula(objective, responses: nil, references: nil)
    if objective.columns.contains(where: { $0.extent == .token }) || formula?.tokens != nil {
      batch.tokenOffsets = (0..<batch.withShape(\.rows)).reduce(into: [0]) { offsets, _ in
        offsets.append((offsets.last ?? 0) + Int.random(in: 1...5, using: &numbers))
      }
    }
    for column in objective.columns {
      let count = batch.count(of: column)
      switch (column.name, batch.tokenOffsets) {
      case ("score", _): batch.columns[column.name] = numbers.scores(prompts: prompts, responses: responses)
      case ("token_count", let offsets?):
        batch.columns[column.name] = zip(offsets.dropFirst(), offsets).map { Double($0 - $1) }
      default: batch.columns[column.name] = (0..<count).map { _ in value(of: column.name, &numbers) }
      }
    }
    return batch
  }

  private static func value(of column: String, _ numbers: inout SeededNumbers) -> Double {
    switch column {
    case "token_count", "mismatched_token_count": Double(Int.random(in: 1...60, using: &numbers))
    case "label": Double(Int.random(in: 0...1, using: &numbers))
    case "win_probability", "desirable_probability": numbers.uniform(0.05...0.95)
    case let name where name.hasSuffix("token_logp"): -numbers.uniform(0.01...6)
    case let name where name.hasSuffix("logp"): numbers.normal(mean: -60, deviation: 4)
    default: numbers.normal(deviation: 3)
    }
  }
}
