import CLossKitRows

/// The filters on next-token distributions, in the order of Hugging Face's `generate`.
struct SamplingFilters {
  var topK = 0
  var temperature = 1.0, topP = 1.0, minP = 0.0, repetitionPenalty = 1.0

  /// Whether the most likely token is taken each time.
  var isGreedy: Bool { temperature == 0 }

  /// Applies the repetition penalty to the logits of tokens that occurred.
  func penalize(_ logits: UnsafeMutablePointer<Float>, _ previous: Set<Int32>) {
    guard repetitionPenalty != 1 else { return }
    let penalty = Float(repetitionPenalty)
    for token in previous {
      let logit = logits[Int(token)]
      logits[Int(token)] = logit > 0 ? logit / penalty : logit * penalty
    }
  }

  /// Turns penalized logits into weights of the tokens that may be drawn, 0 for the others, using `weights` and the logits' memory.
  func makeWeights(
    _ weights: UnsafeMutablePointer<Float>, from logits: UnsafeMutablePointer<Float>, count: Int
  ) {
    let inverse = Float(1 / temperature)
    for token in 0..<count { logits[token] *= inverse }
    weights.update(from: logits, count: count)
    _ = RowKernels.best.softmax(weights, count, count)
    let scores = LikelyTokens(scores: logits, weights: weights, count: count)
    if topK > 0, topK < count, let last = scores.mostLikely({ found, _ in found >= topK }).dropFirst(topK - 1).first {
      let threshold = logits[last]
      for token in 0..<count where logits[token] < threshold { weights[token] = 0 }
    }
    if topP < 1 { keepNucleus(weights, scores, count: count) }
    if minP > 0 {
      let threshold = Float(minP) * (0..<count).reduce(0) { max($0, weights[$1]) }
      for token in 0..<count where weights[token] < threshold { weights[token] = 0 }
    }
  }

  /// Keeps the smallest set of most likely tokens whose share of the weights reaches p, at least one.
  private func keepNucleus(_ weights: UnsafeMutablePointer<Float>, _ scores: LikelyTokens, count: Int) {
    let total = LikelyTokens.sum(weights, count: count), enough = topP * total
    let candidates = scores.mostLikely { _, sum in sum >= enough }
    var kept: [(token: Int, weight: Float)] = [], sum = 0.0
    for token in candidates where kept.isEmpty || sum < enough {
      kept.append((token, weights[token]))
      sum += Double(weights[token])
    }
    weights.update(repeating: 0, count: count)
    for (token, weight) in kept { weights[token] = weight }
  }

  /// The token with the largest logit, the first of equals.
  static func mostLikely(_ logits: UnsafePointer<Float>, count: Int) -> Int {
    var best = 0
    for token in 1..<max(1, count) where logits[token] > logits[best] { best = token }
    return best
  }

  /// The token at a fraction in [0, 1) of the sum of weights.
  static func token(at fraction: Double, of weights: UnsafePointer<Float>, count: Int) -> Int {
    let target = fraction * LikelyTokens.sum(weights, count: count)
    var sum = 0.0, last = 0
    for token in 0..<count where weights[token] > 0 {
      sum += Double(weights[token])
      last = token
      if sum > target { break }
    }
    return last
  }
}

/// A search for the most likely tokens that sorts only as many as are needed.
private struct LikelyTokens {
  let scores, weights: UnsafeMutablePointer<Float>
  let count: Int

  static func sum(_ weights: UnsafePointer<Float>, count: Int) -> Double {
    var sum = 0.0
    for token in 0..<count { sum += Double(weights[token]) }
    return sum
  }

  /// Tokens from the most likely one on, at least until their number and the sum of their weights are enough, or all.
  func mostLikely(_ isEnough: (_ count: Int, _ sum: Double) -> Bool) -> [Int] {
    let best = (0..<count).reduce(-Float.infinity) { max($0, scores[$1]) }
    var depth: Float = 4, found: [Int] = []
    repeat {
      found = (0..<count).filter { scores[$0] >= best - depth }
      depth *= 2
    } while found.count < count && depth < 1e6 && !isEnough(found.count, found.reduce(0) { $0 + Double(weights[$1]) })
    if depth >= 1e6 { found = Array(0..<count) }
    return found.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
  }
}
