package import LossKit

extension Column {
  /// The names under which TRL has the column's values for the chosen and the rejected response of a pair; none where it has none.
  package var pairNames: [String] {
    switch name {
    case Column.logProbability.name: ["policy_chosen_logps", "policy_rejected_logps"]
    case Column.referenceLogProbability.name: ["ref_chosen_logps", "ref_rejected_logps"]
    case Column.tokenCount.name: ["chosen_tokens", "rejected_tokens"]
    default: []
    }
  }
}
