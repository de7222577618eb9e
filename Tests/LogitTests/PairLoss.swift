import Foundation
import Testing

/// The losses of Liger's records with their slopes; the first half of the log-probabilities is chosen.
struct PairLoss {
  private let name: String
  private let beta, gamma, smoothing, likelihoodWeight: Double

  init(_ hyper: [String: Hyperparameter]) throws {
    func text(_ key: String) -> String? { if case .name(let value)? = hyper[key] { value } else { nil } }
    name = try text("loss_type") ?? #require(text("loss"))
    beta = try #require(hyper["beta"]?.number)
    gamma = hyper["gamma"]?.number ?? 0
    smoothing = hyper["label_smoothing"]?.number ?? 0
    likelihoodWeight = try hyper["compute_nll_loss"] == .boolean(true) ? #require(hyper["alpha"]?.number) : 0
  }

  func value(
    policy: [Double], reference: [Double], divisors: [Double], counts: [Double]
  ) -> (value: Double, slopes: [Double]) {
    let pairs = policy.count / 2
    var value = 0.0, slopes = policy.map { _ in 0.0 }
    for pair in 0..<pairs {
      let part = self.pair(
        policy[pair], policy[pairs + pair], references: (reference[pair], reference[pairs + pair]))
      value += part.value / Double(pairs)
      slopes[pair] += part.chosen / Double(pairs)
      slopes[pairs + pair] += part.rejected / Double(pairs)
    }
    // The mean over the chosen tokens.
    let tokens = counts[..<pairs].reduce(0, +)
    for pair in 0..<pairs {
      value -= likelihoodWeight * policy[pair] * divisors[pair] / tokens
      slopes[pair] -= likelihoodWeight * divisors[pair] / tokens
    }
    return (value, slopes)
  }

  private func pair(
    _ chosen: Double, _ rejected: Double, references: (chosen: Double, rejected: Double)
  ) -> (value: Double, chosen: Double, rejected: Double) {
    let ratios = (chosen - references.chosen, rejected - references.rejected)
    switch name {
    case "sigmoid", "robust":
      let z = beta * (ratios.0 - ratios.1), rest = 1 - 2 * smoothing
      let value = (softplus(-z) * (1 - smoothing) - smoothing * softplus(z)) / rest
      let slope = beta * (-sigmoid(-z) * (1 - smoothing) - smoothing * sigmoid(z)) / rest
      return (value, slope, -slope)
    case "apo_zero":
      let (a, b) = (sigmoid(beta * ratios.0), sigmoid(beta * ratios.1))
      return (1 - a + b, -beta * a * (1 - a), beta * b * (1 - b))
    case "cpo", "simpo":
      let z = beta * (chosen - rejected) - gamma
      let slope = beta * (-sigmoid(-z) * (1 - smoothing) + smoothing * sigmoid(z))
      return (softplus(-z) * (1 - smoothing) + smoothing * softplus(z), slope, -slope)
    default:  // orpo
      let z = chosen - rejected - (log(-expm1(chosen)) - log(-expm1(rejected)))
      let slope = -beta * sigmoid(-z)
      return (beta * softplus(-z), slope / -expm1(chosen), -slope / -expm1(rejected))
    }
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
  private func softplus(_ x: Double) -> Double { x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)) }
}
