import LossKit

extension Objective {
  /// What it needs, each in a few words: the form of the data, references, further columns, whole batches.
  package var requirements: [String] {
    let labels = columns.contains { $0.name == Column.label.name && !$0.isOptional }
    var requirements = [labels ? "labelled responses" : responseWords(responses)]
    if needsReference { requirements.append(referenceWords(max(1, referenceCount))) }
    requirements += columnWords(columns.filter { $0.name != Column.label.name })
    if !isRowwise { requirements.append("the whole batch") }
    if !initialState.isEmpty { requirements.append("state") }
    return requirements
  }
}

extension LoadedComponent {
  /// What a reward needs, each in a few words.
  package var requirements: [String] {
    var requirements = responses.upperBound == Int.max ? [] : [responseWords(responses)]
    if inputs.contains(where: { $0.isPerReference && !$0.isOptional }) {
      requirements.append(referenceWords(max(1, references.lowerBound)))
    }
    return requirements + columnWords(inputs)
  }
}

private func responseWords(_ range: ClosedRange<Int>) -> String {
  switch (range.lowerBound, range.upperBound) {
  case (1, 1): "single responses"
  case (1, _): "responses"
  case (2, 2): "pairs"
  case (2, Int.max): "rankings"
  default:
    range.upperBound == Int.max
      ? "\(range.lowerBound) or more responses" : "\(range.lowerBound) to \(range.upperBound) responses"
  }
}

private func referenceWords(_ count: Int) -> String { count == 1 ? "a reference" : "\(count) references" }

/// The columns besides the log-probabilities and lengths of whole responses, which every policy supplies.
private func columnWords(_ columns: [Column]) -> [String] {
  let usual = [Column.logProbability, .referenceLogProbability, .tokenCount, .reward].map(\.name)
  let perToken = [Column.tokenLogProbability, .referenceTokenLogProbability].map(\.name)
  let others = columns.map(\.name).filter { !usual.contains($0) && !perToken.contains($0) }
  let mismatched = others.contains { $0.hasPrefix("mismatched_") }
  return (columns.contains { perToken.contains($0.name) } ? ["token log-probabilities"] : [])
    + (mismatched ? ["mismatched pairs"] : [])
    + others.filter { !$0.hasPrefix("mismatched_") }.map { $0.replacing("_", with: " ") }
}
