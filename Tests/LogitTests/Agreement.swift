import Foundation
import LossKitLogits
import Testing

/// Expects the kernels to agree with the plain version for the same rounded logits: results to 1e-6, relative above 1;
/// gradients to half a unit in the last place of their type, and to 1e-6 of the terms they are the sum of.
func agree(
  _ values: [[Double]], as type: LogitType = .float32, _ labels: TokenLabels, _ cotangent: LogProbabilityCotangent,
  reference referenceValues: [[Double]]? = nil, referenceType: LogitType = .float32, level: Int32, shift: Int = 0,
  location: SourceLocation = #_sourceLocation
) throws {
  let logits = StoredLogits(values, as: type, shift: shift)
  let reference = referenceValues.map { StoredLogits($0, as: referenceType) }
  let plain = PlainLogProbabilities(of: logits.values, labels: labels, reference: reference?.values)
  let expected = plain.gradient(from: cotangent)
  let fast = try LogProbabilities(
    of: logits.matrix, labels: labels, adding: [.entropy, .logCollision], reference: reference?.matrix, level: level)
  compare(fast.values, plain.values, "log-probability", location)
  compare(fast.entropies, plain.entropies, "entropy", location)
  compare(fast.logCollisions, plain.logCollisions, "log collision", location)
  compare(fast.divergences, plain.divergences, "divergence", location)

  try fast.writeGradient(of: logits.matrix, from: cotangent, reference: reference?.matrix)
  #expect(logits.gapsAreUntouched, sourceLocation: location)
  let rounding: Double = type == .float32 ? 0x1p-24 : type == .float16 ? 0x1p-11 : 0x1p-8
  // Half the smallest number of float16, or what a probability below 2⁻¹²⁷, which is taken for 0, is in the entropy's
  // gradient, times its logarithm and slope.
  let smallest = type == .float16 ? 0x1p-25 : 0x1p-116
  let found = logits.values
  for row in found.indices {
    let sizes = termSizes(of: plain, from: cotangent, row: row)
    for token in found[row].indices {
      let result = found[row][token], exact = expected[row][token]
      let bound = rounding * exact.magnitude + 1e-6 * sizes[token] + smallest
      if !((result - exact).magnitude <= bound) {
        Issue.record(
          "gradient of row \(row), token \(token) is \(result), not \(exact)", sourceLocation: location)
      }
    }
  }
}

private func compare(_ found: [Double], _ expected: [Double], _ name: String, _ location: SourceLocation) {
  #expect(found.count == expected.count, "\(name)", sourceLocation: location)
  for (row, (found, expected)) in zip(found, expected).enumerated() where found != expected {
    if !(abs(found - expected) <= 1e-6 * max(1, abs(expected))) {
      Issue.record("\(name) of row \(row) is \(found), not \(expected)", sourceLocation: location)
    }
  }
}

/// The magnitude of the terms of a row's gradient. Terms of unlikely tokens, exp of a large number, have the
/// error of that number.
private func termSizes(
  of plain: PlainLogProbabilities, from cotangent: LogProbabilityCotangent, row: Int
) -> [Double] {
  func size(_ column: [Double]) -> Double { column.isEmpty || !plain.labels.counts(row) ? 0 : abs(column[row]) }
  func distance(_ logP: Double) -> Double { logP == -.infinity ? 0 : 1 + logP.magnitude }
  return plain.distributions[row].enumerated().map { token, logP in
    let p = exp(logP)
    var sum = size(cotangent.values) * (token == Int(plain.labels.values[row]) ? 1 : p)
    sum += size(cotangent.entropies) * p * (distance(logP) + plain.entropies[row])
    sum += size(cotangent.logCollisions) * 2 * p * (p * exp(-plain.logCollisions[row]) + 1)
    sum += size(cotangent.divergences) * p
    sum *= max(1, distance(logP) / 10)
    if let references = plain.references {
      let logQ = references[row][token]
      sum += size(cotangent.divergences) * exp(logQ) * max(1, distance(logQ) / 10)
    }
    return sum
  }
}
