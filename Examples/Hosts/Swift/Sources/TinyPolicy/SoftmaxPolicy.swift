#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A tabular policy with a logit for each prompt and response: log π(y|x) is the log-softmax of a prompt's logits.
struct SoftmaxPolicy {
  private(set) var logits: [[Double]]

  init(prompts: Int, responses: Int) {
    logits = [[Double]](repeating: [Double](repeating: 0, count: responses), count: prompts)
  }

  func logProbability(of response: Int, prompt: Int) -> Double {
    let largest = logits[prompt].max() ?? 0
    let sum = logits[prompt].reduce(0) { $0 + exp($1 - largest) }
    return logits[prompt][response] - largest - log(sum)
  }

  /// Adds to `gradient` the gradient of the prompt's logits, from that of log π(y|x).
  func backward(_ cotangent: Double, response: Int, prompt: Int, into gradient: inout [[Double]]) {
    for other in logits[prompt].indices {
      let own = other == response ? 1.0 : 0.0
      gradient[prompt][other] += cotangent * (own - exp(logProbability(of: other, prompt: prompt)))
    }
  }

  mutating func step(_ gradient: [[Double]], learningRate: Double) {
    for prompt in logits.indices {
      for response in logits[prompt].indices { logits[prompt][response] -= learningRate * gradient[prompt][response] }
    }
  }
}
