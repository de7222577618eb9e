package import LossKit

extension Column {
  /// TRL's names for the column's values of the chosen and the rejected response of a pair; empty if it has none.
  package var pairNames: [String] {
    switch name {
    case Column.logProbability.name: ["policy_chosen_logps", "policy_rejected_logps"]
    case Column.referenceLogProbability.name: ["ref_chosen_logps", "ref_rejected_logps"]
    case Column.tokenCount.name: ["chosen_tokens", "rejected_tokens"]
    default: []
    }
  }
}
