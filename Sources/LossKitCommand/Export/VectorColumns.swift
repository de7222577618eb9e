import LossKit
import LossKitRuntime
import LossKitTraining

/// Makes the columns of a test case for an objective.
struct VectorColumns {
  private let objective: Objective
  private let vector: VectorCase
  private var random: RandomNumbers
  private var batch: Batch
  /// The log-probability of each response under the first reference, [k·G + g].
  private var referenceValues: [Double] = []

  /// The columns of a case, equal on every machine.
  init(_ vector: VectorCase, for objective: Objective) {
    self.objective = objective
    self.vector = vector
    random = RandomNumbers(seed: 11, stream: vector.name.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) })
    let counts = vector.logRatios.map(\.count)
    batch = Batch(
      prompts: counts.count, responses: counts.max() ?? 1, references: max(1, objective.referenceCount))
    if Set(counts).count > 1 { batch.counts = counts.map { UInt32($0) } }
  }

  /// The batch with its columns.
  mutating func made() -> Batch {
    if objective.columns.contains(where: { $0.extent == .token }) { batch.tokenOffsets = offsets }
    // Multiples of 1/4 below every log-ratio, so that log π is negative and the log-ratio exact.
    let largest = vector.logRatios.joined().map(\.magnitude).max() ?? 0
    referenceValues = rows.map { _ in -(largest.rounded(.up) + 4 + Double(random.integer(below: 256)) / 4) }
    for column in objective.columns { batch.columns[column.name] = values(of: column) }
    return batch
  }

  /// The responses in order: by rank, then by prompt.
  private var rows: [(prompt: Int, rank: Int)] {
    (0..<batch.responses).flatMap { rank in (0..<batch.prompts).map { ($0, rank) } }
  }

  private var offsets: [Int] {
    rows.reduce(into: [0]) { $0.append(($0.last ?? 0) + tokenCount($1.prompt, $1.rank)) }
  }

  /// The number of entries of a per-token column for a response; 0 if the prompt has no such response.
  private func tokenCount(_ prompt: Int, _ rank: Int) -> Int {
    let counts = vector.tokenCounts[prompt]
    return rank < counts.count ? min(Int(counts[rank]), 64) : 0
  }

  private mutating func values(of column: Column) -> [Double] {
    let references = column.isPerReference ? batch.references : 1
    return (0..<references).flatMap { reference in
      switch column.extent {
      case .prompt: return (0..<batch.prompts).map { $0.isMultiple(of: 2) ? 1.0 : 0 }
      case .response:
        return rows.map { prompt, rank in
          guard rank < batch.responseCount(ofPrompt: prompt) else { return 0 }
          return value(of: column, prompt, rank, reference)
        }
      case .token:
        return rows.flatMap { prompt, rank in
          (0..<tokenCount(prompt, rank)).map { _ in tokenValue(of: column, prompt, rank) }
        }
      }
    }
  }

  private mutating func value(of column: Column, _ prompt: Int, _ rank: Int, _ reference: Int) -> Double {
    let ratio = vector.logRatios[prompt][rank]
    let base = referenceValues[rank * batch.prompts + prompt]
    switch column.name.trimmingMismatch {
    case Column.logProbability.name: return base + ratio
    case Column.referenceLogProbability.name: return base + Double(reference) / 8
    case Column.tokenCount.name:
      let hasTokens = batch.tokenOffsets != nil
      return hasTokens ? Double(tokenCount(prompt, rank)) : vector.tokenCounts[prompt][rank]
    case Column.score.name: return Double(batch.responseCount(ofPrompt: prompt) - rank) / 4
    case Column.label.name: return prompt.isMultiple(of: 2) ? 1 : 0
    default: return (random.uniform() * 0x1p10).rounded(.up) * 0x1p-10
    }
  }

  /// Log-probabilities per token: the reference's response spread over its tokens, plus the log-ratio for the policy.
  private mutating func tokenValue(of column: Column, _ prompt: Int, _ rank: Int) -> Double {
    let count = Double(tokenCount(prompt, rank))
    let base = referenceValues[rank * batch.prompts + prompt] / count
    switch column.name.trimmingMismatch {
    case Column.tokenLogProbability.name: return base + vector.logRatios[prompt][rank] / count
    case Column.referenceTokenLogProbability.name: return base
    default: return (random.uniform() * 0x1p10).rounded(.up) * 0x1p-10
    }
  }
}

extension String {
  /// The column that a column of mismatched pairs corresponds to.
  fileprivate var trimmingMismatch: String { hasPrefix("mismatched_") ? String(dropFirst(11)) : self }
}
