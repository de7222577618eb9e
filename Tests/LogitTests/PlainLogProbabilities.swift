import Foundation
import LossKitLogits

/// The reference for `LogProbabilities`, in double precision and directly by the definitions.
struct PlainLogProbabilities {
  private(set) var values: [Double] = []
  private(set) var entropies: [Double] = []
  private(set) var logCollisions: [Double] = []
  private(set) var divergences: [Double] = []
  let labels: TokenLabels
  /// log π of every token, per row.
  let distributions: [[Double]]
  let references: [[Double]]?

  /// Scores the label of each row of `logits`, which have equal lengths. Results of masked rows are 0.
  init(of logits: [[Double]], labels: TokenLabels, reference: [[Double]]? = nil) {
    self.labels = labels
    distributions = logits.map(Self.logSoftmax)
    references = reference?.map(Self.logSoftmax)
    for row in logits.indices {
      guard labels.counts(row) else {
        values.append(0)
        entropies.append(0)
        logCollisions.append(0)
        if references != nil { divergences.append(0) }
        continue
      }
      let own = distributions[row]
      values.append(own[Int(labels.values[row])])
      entropies.append(-own.map { $0 == -.infinity ? 0 : exp($0) * $0 }.reduce(0, +))
      logCollisions.append(log(own.map { exp(2 * $0) }.reduce(0, +)))
      guard let references else { continue }
      divergences.append(
        zip(references[row], own).map { $0 == -.infinity ? 0 : exp($0) * ($0 - $1) }.reduce(0, +))
    }
  }

  /// The gradient of the logits.
  func gradient(from cotangent: LogProbabilityCotangent) -> [[Double]] {
    distributions.indices.map { row in
      guard labels.counts(row) else { return Array(repeating: 0, count: distributions[row].count) }
      let own = distributions[row]
      func slope(_ column: [Double]) -> Double { column.isEmpty ? 0 : column[row] }
      return own.indices.map { token in
        let p = exp(own[token]), logP = own[token]
        var result = -slope(cotangent.values) * (token == Int(labels.values[row]) ? expm1(logP) : p)
        if p > 0 { result -= slope(cotangent.entropies) * p * (logP + entropies[row]) }
        result += slope(cotangent.logCollisions) * 2 * p * (p * exp(-logCollisions[row]) - 1)
        if let references { result += slope(cotangent.divergences) * (p - exp(references[row][token])) }
        return result
      }
    }
  }

  private static func logSoftmax(_ row: [Double]) -> [Double] {
    let highest = row.max() ?? 0
    let sum = highest + log(row.map { exp($0 - highest) }.reduce(0, +))
    return row.map { $0 - sum }
  }
}
